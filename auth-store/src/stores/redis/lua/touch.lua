-- Moves the last use of a sign-in forward, never back.
local record = KEYS[1]
local at, sid, base = unpack(ARGV)

local bytes = redis.call('GETRANGE', record, 0, 47)
if bytes == '' then return {GONE} end
if number(at, 1) <= number(checked(bytes), 5) then return {DONE} end

redis.call('SETRANGE', record, 4, at)
if struct.unpack('>I4', bytes, 37) > 0 then
  local ends = end_of(string.sub(bytes, 1, 4) .. at .. string.sub(bytes, 13))
  collect(record, ends)
  if is_anonymous(bytes) then redis.pcall('ZADD', base .. 'a', 'XX', score(ends), sid) end
end
return {DONE}
