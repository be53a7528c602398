-- Reads a live session, seen through a grant, and begins its idle time anew; writes at most once a second.
-- KEYS: 1 session, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 sid, 3 the account's version where it has none, 4 grant id or '', 5 hash of the browser's key or '',
--       6 hash of the grant's current refresh token or ''
-- Result: { record, last seen (ms), absolute expiry (s), 1 where it is a browser's, what the grant has of its own, its key,
--           account's version }, or nil

local now, grant_id = tonumber(ARGV[1]), ARGV[4]
local account = read_account(KEYS[2])
local session = read_session(KEYS[1], account, now, grant_id)
local grant = session and read_grant(session.grant)
if not session or (grant_id ~= '' and not grant) or (ARGV[5] ~= '' and session.browser_key ~= ARGV[5]) then
  return nil
end
if ARGV[6] ~= '' and grant.refresh_hash ~= ARGV[6] then
  return nil
end
if now - session.seen >= 1000 then
  use_session(KEYS[3], KEYS[1], ARGV[2], session, now)
  if grant then
    use_grant(KEYS[1], grant_id, grant, now)
  end
end
local reply = used_reply(session, grant)
reply[7] = version_of(KEYS[2], account, ARGV[3], now)
return reply
