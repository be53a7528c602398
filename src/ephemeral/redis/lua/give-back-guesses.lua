-- Takes counted guesses back: they were right, or were never checked.
-- KEYS: 1 guesses
-- ARGV: 1 now (ms), 2 lane, 3 how many at most, 4 until when (ms) one of them has closed the lane, or 0
-- Result: how many were counted

local now = tonumber(ARGV[1])
local guesses = read_lane(KEYS[1], ARGV[2], now)
local given_back = math.min(guesses.failures, tonumber(ARGV[3]))
guesses.failures = guesses.failures - given_back
-- What another guess has closed stays closed.
if guesses.closed_until == tonumber(ARGV[4]) then
  guesses.closed_until = 0
end
write_lane(KEYS[1], ARGV[2], guesses, now)
return given_back
