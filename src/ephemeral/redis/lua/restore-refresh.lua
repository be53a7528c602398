-- Puts the previous refresh token's hash back, if the one that replaced it is still the current one.
-- KEYS: 1 session
-- ARGV: 1 current hash, 2 previous hash
-- Result: none

if redis.call('HGET', KEYS[1], 'r') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'r', ARGV[2])
end
