-- Ends a challenge or an enrollment, clears the account's failures and opens the session.
-- KEYS: 1 pending, 2 account, 3 set of sessions
-- ARGV: as open-session
-- Result: as open-session, nil also where the caller did not win and nothing changed

local now, session = tonumber(ARGV[1]), session_of(ARGV)
local account = read_account(KEYS[2])
if not read_pending(KEYS[1], account, now) or not may_open(account, tonumber(ARGV[2]), session, now) then
  return nil
end
redis.call('DEL', KEYS[1])
clear_failures(KEYS[2])
local ended = open_session(KEYS[3], account, session, now)
remember_network(KEYS[2], session.network, now)
return ended
