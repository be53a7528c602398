-- Fragment: a pending challenge or enrollment. One string rather than a hash takes half the memory:
-- attempts | expires at (ms) | session epoch | challenge epoch | methods, comma-separated | record

-- Nil where it is absent or malformed, has expired, or was opened under epochs that are no longer the account's.
local function read_pending(key, account, now)
  local value = redis.call('GET', key) or ''
  local attempts, rest, expires, session_epoch, challenge_epoch, methods, record =
    string.match(value, '^(%d+)(|(%d+)|(%d+)|(%d+)|([^|]*)|(.*))$')
  if
    not attempts
    or tonumber(expires) <= now
    or tonumber(session_epoch) ~= account.session_epoch
    or tonumber(challenge_epoch) ~= account.challenge_epoch
  then
    return nil
  end
  return { attempts = tonumber(attempts), rest = rest, methods = methods, record = record }
end

local function write_attempts(key, pending, attempts)
  redis.call('SET', key, attempts .. pending.rest, 'KEEPTTL')
end

local function offers(pending, method)
  for offered in string.gmatch(pending.methods, '[^,]+') do
    if offered == method then
      return true
    end
  end
  return false
end
