-- Reads a pushed request for a browser; the first browser has it from then on, and longer.
-- Stored as: expires at (ms) | browser or '' | record
-- KEYS: 1 pushed request
-- ARGV: 1 now (ms), 2 browser or '', 3 how long it is kept once a browser has it (ms)
-- Result: the record, or nil

local now, browser, keep_ms = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local expires, owner, record = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+)|([^|]*)|(.*)$')
if not expires or tonumber(expires) <= now or (owner ~= '' and owner ~= browser) then
  return nil
end
if owner == '' and browser ~= '' then
  local ends = math.max(tonumber(expires), now + keep_ms)
  redis.call('SET', KEYS[1], string.format('%.0f', ends) .. '|' .. browser .. '|' .. record, 'PX', ends - now)
end
return record
