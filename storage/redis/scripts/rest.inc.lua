-- rest is a token's fields but its digests, v: those that most have, and the others
-- if it has any of them.
local function rest(key, v)
  local often, n = redis.call('HMGET', key, $OFTEN, 'op'), 0
  for i = 1, $OFTENS + 1 do if often[i] then n = n + 1 end end
  for i = 1, 3 do if v[i] then n = n + 1 end end
  often[$OFTENS + 1] = nil
  return often, redis.call('HLEN', key) > n and redis.call('HMGET', key, $SELDOM)
end
