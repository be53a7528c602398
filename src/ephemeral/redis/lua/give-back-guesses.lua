-- Takes counted guesses back: they were right, or were never checked.
-- KEYS: 1 guesses
-- ARGV: 1 now (ms), 2 lane, 3 how many at most
-- Result: how many were counted

local now = tonumber(ARGV[1])
local guesses = read_lane(KEYS[1], ARGV[2], now)
local given_back = math.min(guesses.failures, tonumber(ARGV[3]))
guesses.failures = guesses.failures - given_back
guesses.closed_until = 0
write_lane(KEYS[1], ARGV[2], guesses, now)
return given_back
