"""Lua scripts of the presence register (`redis/online.py`), each atomic."""

# KEYS: the register's hash, the set of all users, the set of users to publish as offline. ARGV:
# prefix of a user's key, node, and three times in milliseconds (ttl, silence, settling); each
# script's own arguments begin at 6.
HEAD = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local ttl = tonumber(ARGV[3])
local beat = tonumber(redis.call('HGET', KEYS[1], 'beat') or '0')
local since = tonumber(redis.call('HGET', KEYS[1], 'since') or '0')
if now - beat > tonumber(ARGV[4]) then since = now end
redis.call('HSET', KEYS[1], 'beat', now, 'since', since)
redis.call('PEXPIRE', KEYS[1], ttl * 10)
redis.call('PEXPIRE', KEYS[2], ttl * 10)
local settled = now - since >= tonumber(ARGV[5])
local function latest(user)
  redis.call('ZREMRANGEBYSCORE', ARGV[1] .. user, '-inf', now)
  return redis.call('ZREVRANGE', ARGV[1] .. user, 0, 0, 'WITHSCORES')[2]
end
local function extend(user, ms)
  redis.call('ZADD', ARGV[1] .. user, now + ms, ARGV[2])
  redis.call('PEXPIRE', ARGV[1] .. user, ttl * 2)
  redis.call('ZADD', KEYS[2], latest(user), user)
end
"""
# ARGV 6: "settled" to return absent users only when absence means something. Then the users.
# Returns the users who were absent.
CONNECT = """
local connected = {}
for i = 7, #ARGV do
  local before = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[i]) or '0')
  if before <= now and (settled or ARGV[6] ~= 'settled') then
    connected[#connected + 1] = ARGV[i]
  end
  extend(ARGV[i], ttl)
end
return connected
"""
# ARGV 6: after how many milliseconds each expires, or "" for at once. Then the users.
# Returns the outcome of each: gone, elsewhere (at another node), unsettled (a sweep will return
# them) or swept (a sweep has returned them).
DISCONNECT = """
local outcome = {}
for i = 7, #ARGV do
  local user = ARGV[i]
  redis.call('ZREM', ARGV[1] .. user, ARGV[2])
  local last = latest(user)
  if last then
    redis.call('ZADD', KEYS[2], last, user)
    outcome[#outcome + 1] = 'elsewhere'
  elseif ARGV[6] ~= '' or not settled then
    extend(user, ARGV[6] ~= '' and tonumber(ARGV[6]) or tonumber(ARGV[5]))
    outcome[#outcome + 1] = 'unsettled'
  else
    outcome[#outcome + 1] = redis.call('ZREM', KEYS[2], user) == 1 and 'gone' or 'swept'
  end
end
return outcome
"""
# KEYS 3: the users to publish as offline, each as "user:time of expiry". ARGV 6: how many at the
# most, 7: the milliseconds after which another sweeper gets those that were not confirmed.
SWEEP = """
if not settled then return {} end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[6])
for i = 1, #due, 2 do
  local last = latest(due[i])
  if last then
    redis.call('ZADD', KEYS[2], last, due[i])
  else
    redis.call('ZREM', KEYS[2], due[i])
    redis.call('ZADD', KEYS[3], now, due[i] .. ':' .. due[i + 1])
  end
end
redis.call('PEXPIRE', KEYS[3], ttl * 10)
local gone = {}
for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, ARGV[6])) do
  if redis.call('ZSCORE', KEYS[2], string.match(one, '[^:]+')) then
    redis.call('ZREM', KEYS[3], one)
  else
    redis.call('ZADD', KEYS[3], now + tonumber(ARGV[7]), one)
    gone[#gone + 1] = one
  end
end
return gone
"""
