-- find returns a token, whose it is, and every index entry of it; nothing if it is
-- not there. It looks at each key, so that one that is on its way to another
-- server of a cluster is noticed before anything is written.
local function find(prefix, id)
  local key = prefix .. 'pat:' .. id
  local r = redis.call('HMGET', key, 'organization', 'owner', 'level', 'level_id', 'name', 'lineage')
  if not r[1] then return nil end
  local holder = r[2]
  if r[3] ~= 'personal' then holder = r[4] end
  local token = {
    id = id, key = key, organization = r[1], owner = r[2], name = r[5], names = prefix .. 'names:' .. holder, live = prefix .. 'live:' .. holder,
    owned = prefix .. 'owned:' .. r[2], by_created = prefix .. 'org:' .. r[1] .. ':by_created', kids = {},
  }
  for ancestor in string.gmatch(r[6] or '', '%x+') do token.kids[#token.kids + 1] = prefix .. 'kids:' .. ancestor end
  redis.call('EXISTS', token.names, token.live, token.owned, token.by_created, unpack(token.kids))
  return token
end

-- drop removes what find found.
local function drop(token)
  redis.call('DEL', token.key)
  redis.call('HDEL', token.names, token.name)
  redis.call('ZREM', token.live, token.id)
  redis.call('SREM', token.owned, token.id)
  redis.call('ZREM', token.by_created, token.id)
  for _, kids in ipairs(token.kids) do redis.call('SREM', kids, token.id) end
end
