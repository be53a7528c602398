-- Opens an authorization code, in a live session.
-- KEYS: 1 code, 2 account, 3 session
-- ARGV: 1 now (ms), 2 TTL (ms), 3 sid, 4 binding, 5 thumbprint of its key or '', 6 '1' where it gives a refresh token,
--       7 client, 8 what the grant is to have of its own, 9 record
-- Result: 1, or 0 where the session has ended

local now, ttl_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
if not read_session(KEYS[3], read_account(KEYS[2]), now) then
  return 0
end
local withdrawn = redis.call('HGET', KEYS[3], 'x') or '0'
local head = { 'o', now + ttl_ms, ARGV[3], ARGV[4], ARGV[5], ARGV[6], withdrawn }
write_code(KEYS[1], head, { client = ARGV[7], own = ARGV[8], record = ARGV[9] }, ttl_ms)
return 1
