-- room says whether the events that await shipping leave room for one more. What
-- ends access does not ask: a leaked token that stays alive is worse than a long
-- queue, and what can be ended is no more than what is there.
local function room(stream) return redis.call('XLEN', stream) < $MAXUNSHIPPED end
