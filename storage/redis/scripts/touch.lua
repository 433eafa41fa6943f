#!lua flags=allow-oom
-- The writes after a use, each if it is due.
-- KEYS pat epoch  ARGV now skew interval used seen at ip agent bound
--   rehash replaces
--include clock
if math.abs(now - ARGV[1]) > ARGV[2] + 0 then return {'SKEW', 0} end
local epoch = redis.call('GET', KEYS[2]) or 0
local p = redis.call('HMGET', KEYS[1], 'state', 'last_used', 'last_seen', 'current', 'old_uses')
if not p[1] then return {'OK', epoch, 0} end
local at = string.format('%.0f', now)
local function due(last) return not last or now - last >= ARGV[3] + 0 end
local written = 0
if ARGV[4] == '1' and due(p[2]) then
  redis.call('HSET', KEYS[1], 'last_used', at)
  written = 1
end
if ARGV[5] == '1' and due(p[3]) then redis.call('HSET', KEYS[1], 'last_seen', at) end
if ARGV[6] ~= '' then
  local uses, fresh = {}, {at = ARGV[6], ip = ARGV[7], agent = ARGV[8]}
  for _, use in ipairs(cjson.decode(p[5] or '[]')) do
    if use.ip ~= fresh.ip then
      uses[#uses + 1] = use
    elseif tonumber(use.at) > tonumber(fresh.at) then
      fresh = use
    end
  end
  local place = 1
  while uses[place] and tonumber(uses[place].at) > tonumber(fresh.at) do place = place + 1 end
  table.insert(uses, place, fresh)
  uses[tonumber(ARGV[9]) + 1] = nil
  redis.call('HSET', KEYS[1], 'old_uses', cjson.encode(uses))
end
if ARGV[10] ~= '' and p[4] == ARGV[11] then redis.call('HSET', KEYS[1], 'current', ARGV[10]) end
return {'OK', epoch, written}
