-- Opens a session, and ends the one it replaces and, beyond the limit, those that were idle longest.
-- KEYS: 1 account, 2 set of sessions
-- ARGV: 1 now (ms), 2 session epoch, 3 key prefix of the account's sessions, 4 sid, 5 record,
--       6 idle seconds, 7 absolute expiry (s), 8 created at (s), 9 family hash, 10 refresh hash,
--       11 sessions allowed, 12 replaced sid or '', 13 network to remember or '',
--       14 challenge epoch, '' where it does not matter
-- Result: 1, or 0 where the account's epochs are others by now, or the replaced one has ended

local now, session = tonumber(ARGV[1]), session_of(ARGV)
local account = read_account(KEYS[1])
local challenge_epoch = tonumber(ARGV[14]) or account.challenge_epoch
if challenge_epoch ~= account.challenge_epoch or not may_open(account, tonumber(ARGV[2]), session, now) then
  return 0
end
open_session(KEYS[2], account, session, now)
remember_network(KEYS[1], session.network, now)
return 1
