-- Counts one attempt on the challenge and on the account, then hands out the record.
-- KEYS: 1 challenge, 2 account
-- ARGV: 1 now (ms), 2 method, 3 attempts allowed, 4 lockout (ms), 5 client that answers or '', 6 when it was
--       registered (ms), 7 the account's version where it has none
-- Result: { 'taken', record, remaining, session epoch, account's version } or { 'unknown' } or { 'foreign', record }
--         or { 'method_not_offered', methods } or { 'locked', record, until (ms) }

local now, max_failed, lockout_ms = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])
local account = read_account(KEYS[2])
local challenge = read_pending(KEYS[1], account, now)
if not challenge then
  return { 'unknown' }
end
-- As `records.ts` packs it. A challenge that a backend has opened is answered by that backend alone.
local parsed, record = pcall(cjson.decode, challenge.record)
if not parsed or type(record) ~= 'table' then
  return { 'unknown' }
end
local is_foreign = record[2] ~= ARGV[5] or record[3] ~= tonumber(ARGV[6])
if ARGV[5] == '' then
  is_foreign = record[10]
end
if is_foreign then
  return { 'foreign', challenge.record }
end
if account.locked_until > now then
  return { 'locked', challenge.record, account.locked_until }
end
if not offers(challenge, ARGV[2]) then
  return { 'method_not_offered', challenge.methods }
end
-- The challenge has a limit of its own: clearing the account's failures gives it no new attempts.
if challenge.attempts >= max_failed then
  return { 'unknown' }
end

local remaining, locked_until = take_from_budget(KEYS[2], account, max_failed, lockout_ms, now)
if not remaining then
  return { 'locked', challenge.record, locked_until }
end
local attempts = challenge.attempts + 1
write_attempts(KEYS[1], challenge, attempts)
remaining = math.min(remaining, max_failed - attempts)
local version = version_of(KEYS[2], account, ARGV[7], now)
return { 'taken', challenge.record, remaining, account.session_epoch, version }
