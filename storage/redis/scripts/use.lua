#!lua flags=allow-oom
-- A presentation: digest, state, expiry with auto-revoke, owner.
-- KEYS pat epoch audit [jti]  ARGV now skew prefix id ip agent tracking candidate… [member]
-- With jti it also says whether that member of it, a JWT, was revoked.
-- The keys of the owner and of the holder follow from the record; they lie in
-- the slot of KEYS[1].
--include clock
--include rest
if math.abs(now - ARGV[1]) > ARGV[2] + 0 then return cmsgpack.pack({'SKEW', 0}) end
local epoch = tonumber(redis.call('GET', KEYS[2]) or 0)
-- only these before the secret is proved: the size of a record would show in the
-- time that a wrong secret takes
local v = redis.call('HMGET', KEYS[1], 'current', 'previous', 'previous_until')
local right, previous = false, false
if v[1] then
  for i = 8, KEYS[4] and #ARGV - 1 or #ARGV do
    if ARGV[i] == v[1] then right = true elseif ARGV[i] == v[2] then previous = true end
  end
end
if not right and not previous then
  return cmsgpack.pack({'OK', epoch, now, 0, {v[1] or '$DUMMY', v[2], v[3]}, false, false, false})
end
-- state, expires, owner, name, gen, rev, record, …
local p, seldom = rest(KEYS[1], v)
local owner = redis.call('HGET', ARGV[3] .. 'idn:' .. p[3], 'record')
local told = 0
if KEYS[4] then
  local ends = redis.call('ZSCORE', KEYS[4], ARGV[#ARGV])
  if ends and now < tonumber(ends) then told = 2 end
end
if p[1] == 'ACTIVE' and p[2] and now >= tonumber(p[2]) and (right or now < tonumber(v[3] or 0)) then
  local at = string.format('%.0f', now)
  local live = ARGV[3] .. 'live:' .. (seldom and seldom[2] or p[3])
  redis.call('EXISTS', live) -- it may be on its way to another server: then nothing is written
--include ended
  local log = ends(KEYS[3])
  redis.call('HINCRBY', KEYS[1], 'rev', 1)
  redis.call('HSET', KEYS[1], 'state', 'AUTO_REVOKED', 'revoked_at', at)
  redis.call('HDEL', KEYS[1], 'revoked_by', 'revoke_reason', 'reversible')
  redis.call('ZREM', live, ARGV[4])
  tell(log, 'p' .. ARGV[4] .. (p[5] or '0'))
  epoch = redis.call('INCR', KEYS[2])
--include pack
  local token, organization = 'h' .. ARGV[4], string.sub(p[7], 1, 17)
  redis.call('XADD', KEYS[3], '*', 'event', token .. pack({at, 'PERSONAL_ACCESS_TOKEN_EXPIRED', ''})
    .. organization .. token .. pack({p[3], '', ARGV[5], ARGV[6], ARGV[7]}))
  told = told + 1
  p, seldom = rest(KEYS[1], v)
end
return cmsgpack.pack({'OK', epoch, now, told, v, p, seldom, owner})
