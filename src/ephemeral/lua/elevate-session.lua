-- Writes down that a second factor has passed in a live session.
-- KEYS: 1 session, 2 account
-- ARGV: 1 now (ms), 2 record
-- Result: 1 if the session was live, else 0

local now = tonumber(ARGV[1])
if not read_session(KEYS[1], read_account(KEYS[2]), now) then
  return 0
end
redis.call('HSET', KEYS[1], 'd', ARGV[2])
return 1
