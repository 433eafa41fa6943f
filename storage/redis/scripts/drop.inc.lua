-- drop removes a token and every index entry of it, and returns whose it was;
-- nothing if it is not there.
local function drop(prefix, id)
  local key = prefix .. 'pat:' .. id
  local r = redis.call('HMGET', key, 'organization', 'owner', 'level', 'level_id', 'name', 'lineage')
  if not r[1] then return nil end
  local holder = r[2]
  if r[3] ~= 'personal' then holder = r[4] end
  redis.call('DEL', key)
  redis.call('HDEL', prefix .. 'names:' .. holder, r[5])
  redis.call('ZREM', prefix .. 'live:' .. holder, id)
  redis.call('SREM', prefix .. 'owned:' .. r[2], id)
  redis.call('ZREM', prefix .. 'org:' .. r[1] .. ':by_created', id)
  for ancestor in string.gmatch(r[6] or '', '%x+') do redis.call('SREM', prefix .. 'kids:' .. ancestor, id) end
  return {organization = r[1], owner = r[2]}
end
