-- Fragment: the account hash. f: failures, l: locked until (ms), e: session epoch, c: challenge epoch,
-- n:<hash>: when (ms) the account has last signed in from that network, v: version, u: until when (ms) none is answered.

local ACCOUNT_TTL_SECONDS = 30 * 24 * 60 * 60
-- Losing a version costs a read of the account.
local VERSION_TTL_SECONDS = 24 * 60 * 60

local function read_account(key)
  local stored = redis.call('HMGET', key, 'f', 'l', 'e', 'c', 'v', 'u')
  return {
    failures = tonumber(stored[1]) or 0,
    locked_until = tonumber(stored[2]) or 0,
    session_epoch = tonumber(stored[3]) or 0,
    challenge_epoch = tonumber(stored[4]) or 0,
    version = stored[5],
    unsettled_until = tonumber(stored[6]) or 0,
  }
end

local function raise_epoch(key, field)
  local epoch = redis.call('HINCRBY', key, field, 1)
  redis.call('EXPIRE', key, ACCOUNT_TTL_SECONDS)
  return epoch
end

-- Where a version is all that the key holds, it is kept for a day. What else is there is not kept shorter for that, nor
-- the version shorter than a day, in which no change is still under way.
local function keep_version(key)
  if redis.call('TTL', key) < VERSION_TTL_SECONDS then
    redis.call('EXPIRE', key, VERSION_TTL_SECONDS)
  end
end

-- '' while the account is being changed. `new_version`, a name never used before, where it has none.
local function version_of(key, account, new_version, now)
  if account.unsettled_until > now then
    return ''
  end
  if account.version then
    return account.version
  end
  redis.call('HSET', key, 'v', new_version)
  keep_version(key)
  return new_version
end

local MAX_NETWORKS = 10

local function knows_network(key, network)
  return network ~= '' and redis.call('HEXISTS', key, 'n:' .. network) == 1
end

-- At most ten networks are kept; the one unused for longest is dropped.
local function remember_network(key, network, now)
  if network == '' then
    return
  end
  if not knows_network(key, network) then
    local stored, known, oldest, oldest_at = redis.call('HGETALL', key), 0, nil, math.huge
    for i = 1, #stored, 2 do
      if string.sub(stored[i], 1, 2) == 'n:' then
        known = known + 1
        if tonumber(stored[i + 1]) < oldest_at then
          oldest, oldest_at = stored[i], tonumber(stored[i + 1])
        end
      end
    end
    if known >= MAX_NETWORKS then
      redis.call('HDEL', key, oldest)
    end
  end
  redis.call('HSET', key, 'n:' .. network, now)
  redis.call('EXPIRE', key, ACCOUNT_TTL_SECONDS)
end

local function clear_failures(key)
  redis.call('HDEL', key, 'f', 'l')
end

-- Counts one attempt before it is checked.
-- Returns how many remain after it; or nil, and until when the account is locked.
local function take_from_budget(key, account, max_failed, lockout_ms, now)
  if account.locked_until > now then
    return nil, account.locked_until
  end
  -- When a lock has run out, the budget is full again.
  local failures = account.locked_until > 0 and 0 or account.failures
  -- The limit may have been lowered since, below what has been spent.
  local spent = failures >= max_failed
  if not spent then
    failures = failures + 1
  end
  redis.call('HSET', key, 'f', failures)
  if failures >= max_failed then
    redis.call('HSET', key, 'l', now + lockout_ms)
  else
    redis.call('HDEL', key, 'l')
  end
  redis.call('EXPIRE', key, ACCOUNT_TTL_SECONDS)
  if spent then
    return nil, now + lockout_ms
  end
  return max_failed - failures
end

-- Takes one count back, and the lock if that count caused it.
local function give_back_to_budget(key, account, max_failed)
  if account.failures == 0 then
    return
  end
  redis.call('HSET', key, 'f', account.failures - 1)
  if account.failures - 1 < max_failed then
    redis.call('HDEL', key, 'l')
  end
  redis.call('EXPIRE', key, ACCOUNT_TTL_SECONDS)
end
