-- Opens a challenge or an enrollment, under the account's present epochs.
-- KEYS: 1 pending, 2 account
-- ARGV: 1 now (ms), 2 TTL (ms), 3 methods, comma-separated, 4 record
-- Result: none

local account = read_account(KEYS[2])
local now, ttl_ms = tonumber(ARGV[1]), tonumber(ARGV[2])
local epochs = account.session_epoch .. '|' .. account.challenge_epoch
local value = table.concat({ 0, now + ttl_ms, epochs, ARGV[3], ARGV[4] }, '|')
redis.call('SET', KEYS[1], value, 'PX', ttl_ms)
