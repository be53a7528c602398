-- Fragment: a grant, in a field of the session's hash: refresh hash or '' | the hash before it, while that may be used once
-- more | when it was replaced (ms) | when (ms) a renewal was last to be recorded | from which address the last renewal came
-- | last used (ms) | thumbprint of its key | what it has of its own, as `records.ts` packs it, or '' for what the session has

local GRANTS_AT_ONCE = 50
local CLIENTS_KEPT = 100
local USE_NOTED_EVERY_MS = 60 * 1000

-- Nil where it is absent, or not whole.
local function read_grant(stored)
  local refresh_hash, before_hash, replaced_at, recorded_at, address, used, jkt, own =
    string.match(stored or '', '^([^|]*)|([^|]*)|(%d*)|(%d*)|([^|]*)|(%d+)|([^|]*)|(.*)$')
  return refresh_hash
    and {
      refresh_hash = refresh_hash,
      before_hash = before_hash,
      replaced_at = replaced_at,
      recorded_at = recorded_at,
      address = address,
      used = tonumber(used),
      jkt = jkt,
      own = own,
    }
end

local function packed_grant(grant)
  local renewals = grant.refresh_hash .. '|' .. grant.before_hash .. '|' .. grant.replaced_at .. '|' .. grant.recorded_at
  return renewals .. '|' .. grant.address .. '|' .. grant.used .. '|' .. grant.jkt .. '|' .. grant.own
end

local function write_grant(key, grant_id, grant)
  redis.call('HSET', key, 'g:' .. grant_id, packed_grant(grant))
end

-- The use of a grant decides which one gives way to a new one; it is noted by the minute.
local function use_grant(key, grant_id, grant, now)
  if now - grant.used >= USE_NOTED_EVERY_MS then
    grant.used = now
    write_grant(key, grant_id, grant)
  end
end

-- What scripts answer of a session that is seen through a grant, which may be nil: as `session_reply`, then what the grant
-- has of its own, and the thumbprint of its key.
local function used_reply(session, grant)
  local reply = session_reply(session)
  reply[5], reply[6] = grant and grant.own or '', grant and grant.jkt or ''
  return reply
end

-- What a grant says, as `records.ts` packs it: its own, or what the session has. Both begin alike, with the client, and
-- have in the fifth place when (s) the second factor has passed. Nil where it does not parse.
local function terms_of(session, grant)
  local parsed, terms = pcall(cjson.decode, grant.own ~= '' and grant.own or session.record)
  return parsed and type(terms) == 'table' and terms or nil
end

-- Whether it is whole, and when (s) its second factor has passed, nil for never. Every renewal asks, so it is decoded only
-- where a name in it has something escaped.
local function second_factor_of(session, grant)
  local packed = grant.own ~= '' and grant.own or session.record
  local passed_at = string.match(packed, '^%["[^"\\]*",%d+,"[^"\\]*",%d+,(%w+),.*%]$')
  if passed_at then
    return true, tonumber(passed_at)
  end
  local terms = terms_of(session, grant)
  return terms ~= nil, terms and tonumber(terms[5])
end

-- All grants of a session that are whole: { { id, grant }, … }
local function all_grants(key)
  local stored, grants = redis.call('HGETALL', key), {}
  for i = 1, #stored, 2 do
    local grant = string.sub(stored[i], 1, 2) == 'g:' and read_grant(stored[i + 1])
    if grant then
      grants[#grants + 1] = { id = string.sub(stored[i], 3), grant = grant }
    end
  end
  return grants
end

-- Keeps so many clients; beyond that the first one gives way that has no grant any more.
local function remember_client(key, session, client, grants)
  local clients, kept = clients_of(key), {}
  for _, known in ipairs(clients) do
    if known == client then
      return
    end
  end
  local beyond = #clients >= CLIENTS_KEPT
  local holders = {}
  if beyond then
    for _, one in ipairs(grants) do
      local terms = terms_of(session, one.grant)
      holders[terms and terms[1] or ''] = true
    end
  end
  for _, known in ipairs(clients) do
    if beyond and not holders[known] then
      beyond = false
    else
      kept[#kept + 1] = known
    end
  end
  kept[#kept + 1] = client
  redis.call('HSET', key, 'cl', table.concat(kept, '\n'))
end

-- Opens a grant in a session that is there already; beyond the limit the one unused for longest gives way: of its client,
-- so that no client ends those of others.
local function open_grant(key, session, grant_id, grant, client)
  local grants = all_grants(key)
  if #grants >= GRANTS_AT_ONCE then
    table.sort(grants, function(a, b)
      if a.grant.used == b.grant.used then
        return a.id < b.id
      end
      return a.grant.used < b.grant.used
    end)
    local given = 1
    for i = #grants, 1, -1 do
      local terms = terms_of(session, grants[i].grant)
      if terms and terms[1] == client then
        given = i
      end
    end
    redis.call('HDEL', key, 'g:' .. table.remove(grants, given).id)
  end
  write_grant(key, grant_id, grant)
  remember_client(key, session, client, grants)
end

-- Ends a grant, and a session that is no browser's with its last one. Returns the latter as `end_session` does, or nil.
local function end_grant(set_key, key, sid, session, grant_id)
  redis.call('HDEL', key, 'g:' .. grant_id)
  if not session.browser_key and #all_grants(key) == 0 then
    return end_session(set_key, key, sid)
  end
end
