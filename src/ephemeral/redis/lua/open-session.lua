-- Opens a session, and ends the one it replaces and, beyond the limit, those that were idle longest.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 session epoch, 3 key prefix of the account's sessions, 4 sid, 5 record,
--       6 idle seconds, 7 absolute expiry (s), 8 created at (s), 9 hash of the browser's key or '', 10 grant id or '',
--       11 refresh hash or '', 12 client, 13 sessions allowed, 14 replaced sid or '', 15 network to remember or '',
--       16 challenge epoch, '' where it does not matter
-- Result: the sessions that were ended, { { sid, { client, … } }, … }; or nil where the account's epochs are others by
--         now, or the replaced one has ended

local now, session = tonumber(ARGV[1]), session_of(ARGV)
local account = read_account(KEYS[1])
local challenge_epoch = tonumber(ARGV[16]) or account.challenge_epoch
if challenge_epoch ~= account.challenge_epoch or not may_open(account, tonumber(ARGV[2]), session, now) then
  return nil
end
local ended = open_session(KEYS[2], account, session, now)
remember_network(KEYS[1], session.network, now)
return ended
