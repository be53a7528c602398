-- Reads a live session and begins its idle time anew; writes at most once a second.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid, 3 the account's version where it has none
-- Result: { record, last seen (ms), absolute expiry (s), account's version }, or nil

local now = tonumber(ARGV[1])
local account = read_account(KEYS[2])
local session = read_session(KEYS[1], account, now)
if not session then
  return nil
end
if now - session.seen >= 1000 then
  use_session(KEYS[3], KEYS[1], ARGV[2], session, now)
end
return { session.record, session.seen, session.absolute_at, version_of(KEYS[2], account, ARGV[3], now) }
