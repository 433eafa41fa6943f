#!lua flags=allow-oom
-- A presentation: digest, state, expiry with auto-revoke, owner.
-- KEYS pat epoch audit  ARGV now skew prefix id ip agent tracking candidate…
-- The keys of the owner and of the holder follow from the record; they lie in
-- the slot of KEYS[1].
--include clock
if math.abs(now - ARGV[1]) > ARGV[2] + 0 then return {'SKEW', 0} end
local epoch = redis.call('GET', KEYS[2]) or 0
-- only these before the secret is proved: the size of a record would show in the
-- time that a wrong secret takes
local v = redis.call('HMGET', KEYS[1], 'current', 'previous', 'previous_until')
local right, previous = false, false
if v[1] then
  for i = 8, #ARGV do
    if ARGV[i] == v[1] then right = true elseif ARGV[i] == v[2] then previous = true end
  end
end
if not right and not previous then
  return {'OK', epoch, now, 0, {v[1] or '$DUMMY', v[2], v[3]}, false, false}
end
-- state, expiration, owner, …
local p = redis.call('HMGET', KEYS[1], $REST)
local owner = redis.call('HGET', ARGV[3] .. 'idn:' .. p[3], 'record')
local transitioned = 0
if p[1] == 'ACTIVE' and p[2] and now >= tonumber(p[2]) and (right or now < tonumber(v[3] or 0)) then
  local at = string.format('%.0f', now)
  local index = redis.call('HMGET', KEYS[1], 'organization', 'level', 'level_id')
  local holder = p[3]
  if index[2] ~= 'personal' then holder = index[3] end
  local live = ARGV[3] .. 'live:' .. holder
  redis.call('EXISTS', live) -- it may be on its way to another server: then nothing is written
  redis.call('HINCRBY', KEYS[1], 'revision', 1)
  redis.call('HSET', KEYS[1], 'state', 'AUTO_REVOKED', 'revoked_at', at)
  redis.call('HDEL', KEYS[1], 'revoked_by', 'revoke_reason', 'reversible')
  redis.call('ZREM', live, ARGV[4])
  epoch = redis.call('INCR', KEYS[2])
  -- RFC 3339 of the store's clock: days to a date of the Gregorian calendar
  local seconds = math.floor(now / 1000)
  local z = math.floor(seconds / 86400) + 719468
  local era = math.floor(z / 146097)
  local day = z - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local m = math.floor((5 * day + 2) / 153)
  day = day - math.floor((153 * m + 2) / 5) + 1
  local month = m < 10 and m + 3 or m - 9
  year = year + era * 400 + (month <= 2 and 1 or 0)
  local function given(s) if s ~= '' then return s end end
  redis.call('XADD', KEYS[3], '*', 'event', cjson.encode({
    id = ARGV[4],
    time = string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
      math.floor(seconds / 3600) % 24, math.floor(seconds / 60) % 60, seconds % 60, now % 1000),
    event = 'PERSONAL_ACCESS_TOKEN_EXPIRED',
    organization = index[1], actor = p[3], pat_id = ARGV[4], owner = p[3],
    ip = given(ARGV[5]), user_agent = given(ARGV[6]), tracking_id = given(ARGV[7]),
    outcome = 'success',
  }))
  transitioned = 1
  p = redis.call('HMGET', KEYS[1], $REST)
end
return {'OK', epoch, now, transitioned, v, p, owner}
