-- Fragment: opening a session.

-- The session that the arguments of `open-session` and `pass` describe, from the third on.
local function session_of(argv)
  return {
    key_prefix = argv[3],
    sid = argv[4],
    record = argv[5],
    idle_seconds = tonumber(argv[6]),
    absolute_at = tonumber(argv[7]),
    created_at = argv[8],
    browser_key = argv[9],
    grant_id = argv[10],
    refresh_hash = argv[11],
    client = argv[12],
    max_sessions = tonumber(argv[13]),
    replaces_sid = argv[14],
    network = argv[15],
  }
end

-- False where all sessions were ended since `epoch` was read. A session that has ended is not replaced: a step-up
-- or an enrollment in it must not bring it back.
local function may_open(account, epoch, session, now)
  if epoch ~= account.session_epoch then
    return false
  end
  local replaced_key = session.key_prefix .. session.replaces_sid
  return session.replaces_sid == '' or read_session(replaced_key, account, now) ~= nil
end

local function first_grant(session, now)
  local grant = { refresh_hash = session.refresh_hash, used = now, jkt = '', own = '' }
  grant.before_hash, grant.replaced_at, grant.recorded_at, grant.address = '', '', '', ''
  return grant
end

local function write_session(key, account, session, now)
  local fields = { 'd', session.record, 'i', session.idle_seconds, 'a', session.absolute_at }
  for _, part in ipairs({ 's', now, 'e', account.session_epoch, 'c', session.created_at }) do
    fields[#fields + 1] = part
  end
  if session.browser_key ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'k', session.browser_key
  end
  if session.grant_id ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'cl', session.client
    fields[#fields + 1], fields[#fields + 2] = 'g:' .. session.grant_id, packed_grant(first_grant(session, now))
  end
  redis.call('HSET', key, unpack(fields))
end

-- The session becomes another under its id. When it was created, and its grants, stay.
local function rewrite_session(key, account, session, now)
  redis.call(
    'HSET', key,
    'd', session.record,
    'i', session.idle_seconds,
    'a', session.absolute_at,
    's', now,
    'e', account.session_epoch
  )
  if session.browser_key == '' then
    redis.call('HDEL', key, 'k')
  else
    redis.call('HSET', key, 'k', session.browser_key)
  end
  if session.grant_id ~= '' then
    open_grant(key, session, session.grant_id, first_grant(session, now), session.client)
  end
end

-- Returns the sessions that it has ended, as `end_session` does each.
local function open_session(set_key, account, session, now)
  local key, ended = session.key_prefix .. session.sid, {}
  local ttl_ms = math.max(session.absolute_at * 1000 - now, 1)
  local in_place = session.replaces_sid == session.sid
  if in_place then
    -- Its place among the account's sessions is made anew, too.
    redis.call('ZREM', set_key, session.sid)
  elseif session.replaces_sid ~= '' then
    ended[1] = end_session(set_key, session.key_prefix .. session.replaces_sid, session.replaces_sid)
  end
  make_room(set_key, session.key_prefix, session.max_sessions - 1, account, now, ended)
  if in_place then
    rewrite_session(key, account, session, now)
  else
    write_session(key, account, session, now)
  end
  redis.call('PEXPIRE', key, math.min(session.idle_seconds * 1000, ttl_ms))
  redis.call('ZADD', set_key, now + math.min(session.idle_seconds * 1000, ttl_ms), session.sid)
  -- The set lives as long as the latest of its sessions.
  if redis.call('PTTL', set_key) < ttl_ms then
    redis.call('PEXPIRE', set_key, ttl_ms)
  end
  return ended
end
