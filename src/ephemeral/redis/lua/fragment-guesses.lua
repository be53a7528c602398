-- Fragment: guesses at a password. A hash of one field a lane: failures|counted since (ms)|none before (ms)

local FORGIVEN_EVERY_MS = 6 * 60 * 60 * 1000
local LONGEST_WAIT_MS = 24 * 60 * 60 * 1000

-- A failure is forgiven every six hours.
local function read_lane(key, lane, now)
  local stored = redis.call('HGET', key, lane) or ''
  local failures, since, closed_until = string.match(stored, '^(%d+)|(%d+)|(%d+)$')
  failures, since = tonumber(failures) or 0, tonumber(since) or now
  local forgiven = math.floor(math.max(now - since, 0) / FORGIVEN_EVERY_MS)
  return {
    failures = math.max(failures - forgiven, 0),
    since = since + forgiven * FORGIVEN_EVERY_MS,
    closed_until = tonumber(closed_until) or 0,
  }
end

local function write_lane(key, lane, guesses, now)
  if guesses.failures == 0 then
    redis.call('HDEL', key, lane)
    return
  end
  local stored = { guesses.failures, guesses.since, guesses.closed_until }
  for i, number in ipairs(stored) do
    stored[i] = string.format('%.0f', number)
  end
  redis.call('HSET', key, lane, table.concat(stored, '|'))
  local ttl_ms = math.max(guesses.failures * FORGIVEN_EVERY_MS, guesses.closed_until - now)
  if redis.call('PTTL', key) < ttl_ms then
    redis.call('PEXPIRE', key, ttl_ms)
  end
end

-- Once the limit is reached, each wait allows one guess, and the wait doubles with every quarter of the limit.
local function wait_after(failures, limit, first_wait_ms)
  local doublings = math.min(math.floor((failures - limit) / math.max(math.floor(limit / 4), 1)), 20)
  return math.min(first_wait_ms * 2 ^ doublings, math.max(first_wait_ms, LONGEST_WAIT_MS))
end

-- Counts one guess before it is checked. Returns 0, or until when (ms) no guess is allowed; then 0, or until when (ms)
-- this guess has closed the lane.
local function take_guess(key, lane, limit, first_wait_ms, now)
  local guesses = read_lane(key, lane, now)
  if guesses.closed_until > now then
    return guesses.closed_until, 0
  end
  if guesses.failures == 0 then
    guesses.since = now
  end
  guesses.failures = guesses.failures + 1
  guesses.closed_until = 0
  if guesses.failures >= limit then
    guesses.closed_until = now + wait_after(guesses.failures, limit, first_wait_ms)
  end
  write_lane(key, lane, guesses, now)
  return 0, guesses.closed_until
end
