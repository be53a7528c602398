-- Reads a live session and begins its idle time anew; writes at most once a second.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid
-- Result: { record, last seen (ms), absolute expiry (s) }, or nil

local now = tonumber(ARGV[1])
local session = read_session(KEYS[1], read_account(KEYS[2]), now)
if not session then
  return nil
end
if now - session.seen >= 1000 then
  use_session(KEYS[3], KEYS[1], ARGV[2], session, now)
end
return session_reply(session)
