-- packed is the n-th of the packed texts of a record, if it is none that is shortened.
local function packed(record, n)
  local at, text = 1, ''
  for _ = 1, n do
    local mark = string.sub(record, at, at)
    if mark == 'h' then
      at, text = at + 17, ''
    elseif mark == 't' then
      at, text = at + 7, ''
    else
      local colon = string.find(record, ':', at, true)
      if not colon then return '' end -- it ends before
      local from = colon + 1
      at = from + (tonumber(string.sub(record, at, colon - 1)) or 0)
      text = string.sub(record, from, at - 1)
    end
  end
  return text
end

-- groups are the keys of the members of those groups that an identity is in, as its
-- record has them: the twelfth of its packed texts, a list in JSON.
local function groups(prefix, record)
  local keys = {}
  for id in string.gmatch(packed(record, 12), '"([0-9a-f]+)"') do
    if #id == 32 then keys[#keys + 1] = prefix .. 'grp:' .. id end
  end
  return keys
end

-- look looks at keys, so that one that is on its way to another server of a cluster is
-- noticed before anything is written.
local function look(keys)
  if #keys > 0 then redis.call('EXISTS', unpack(keys)) end
end

-- move makes member one of what after names, and no more of what only before does.
local function move(member, before, after)
  local stays = {}
  for _, key in ipairs(after) do stays[key] = true end
  for _, key in ipairs(before) do
    if not stays[key] then redis.call('SREM', key, member) end
  end
  for _, key in ipairs(after) do redis.call('SADD', key, member) end
end
