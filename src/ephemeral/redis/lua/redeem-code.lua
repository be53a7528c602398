-- Redeems an authorization code: opens its grant in its session, which has to be live. A second use ends that grant.
-- KEYS: 1 code, 2 account, 3 set of sessions
-- ARGV: 1 now (ms), 2 key prefix of the account's sessions, 3 grant id, 4 refresh hash or '', 5 binding that is shown,
--       6 thumbprint of the key that is shown or '', 7 thumbprint of the key that the grant is bound to or '',
--       8 the account's version where it has none
-- Result: { 'redeemed', grant's own, code's record, session…, version } or { 'mismatch', grant's own, code's record }
--         or { 'reused', grant's own, code's record } or { 'locked', grant's own, code's record, until (ms) }
--         or { 'unknown' }; session… as in rotate-refresh

local now, grant_id = tonumber(ARGV[1]), ARGV[3]
local account = read_account(KEYS[2])
local code = read_code(KEYS[1], now)
if not code then
  return { 'unknown' }
end
local key = ARGV[2] .. code.sid
local session = read_session(key, account, now)
-- Whoever shows something else than the code's own client had is not told whether it was used, and ends nothing.
if code.binding ~= ARGV[5] then
  return { 'mismatch', code.own, code.record }
end
if code.is_redeemed then
  if session then
    end_grant(KEYS[3], key, code.sid, session, code.grant_id)
  end
  return { 'reused', code.own, code.record }
end
if not session or code.withdrawn ~= (redis.call('HGET', key, 'x') or '0') then
  redis.call('DEL', KEYS[1])
  return { 'unknown' }
end
if code.jkt ~= '' and code.jkt ~= ARGV[6] then
  return { 'mismatch', code.own, code.record }
end
if account.locked_until > now then
  return { 'locked', code.own, code.record, account.locked_until }
end

local grant = { refresh_hash = code.is_renewable and ARGV[4] or '', jkt = ARGV[7], own = code.own, used = now }
grant.before_hash, grant.replaced_at, grant.recorded_at, grant.address = '', '', '', ''
open_grant(key, session, grant_id, grant, code.client)
use_session(KEYS[3], key, code.sid, session, now)
write_code(KEYS[1], { 'u', now + REDEEMED_TTL_MS, code.sid, code.binding, grant_id }, code, REDEEMED_TTL_MS)
local reply = { 'redeemed', code.own, code.record }
for _, part in ipairs(used_reply(session, grant)) do
  reply[#reply + 1] = part
end
reply[#reply + 1] = version_of(KEYS[2], account, ARGV[8], now)
return reply
