-- Ends a challenge or an enrollment, clears the account's failures and opens the session.
-- KEYS: 1 pending, 2 account, 3 set of sessions
-- ARGV: as open-session
-- Result: 1, or 0 where the caller did not win and nothing changed

local now, session = tonumber(ARGV[1]), session_of(ARGV)
local account = read_account(KEYS[2])
if tonumber(ARGV[2]) ~= account.session_epoch or not read_pending(KEYS[1], account, now) then
  return 0
end
-- A step-up must not bring back a session that was ended while the challenge was pending.
local replaced_key = session.key_prefix .. session.replaces_sid
if session.replaces_sid ~= '' and not read_session(replaced_key, account, now) then
  return 0
end
redis.call('DEL', KEYS[1])
clear_failures(KEYS[2])
open_session(KEYS[3], account, session, now)
return 1
