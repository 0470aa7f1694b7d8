-- Replaces the secret of a sign-in, if it is the one that the caller has seen.
local record = KEYS[1]
local from, secret, grace, renewal, details, principal, sid, base, channel = unpack(ARGV)

local bytes = redis.call('GET', record)
if not bytes then return {GONE} end
if string.sub(checked(bytes), 65, 96) ~= from then return {STALE, bytes} end

local parts = split(bytes)
local flags = string.byte(bytes, 4)
local persistence, seen, times = string.sub(bytes, 3, 3), string.sub(bytes, 5, 12), nil
if renewal == '' then
  times = string.sub(bytes, 29, 48)
else
  -- authenticated_at (8), idle_secs (4), ends_at (8), persistence (1), flags (1), seen_at (8)
  times, persistence = string.sub(renewal, 1, 20), string.sub(renewal, 21, 21)
  flags = flags % 2 + string.byte(renewal, 22)
  if number(renewal, 23) > number(bytes, 5) then seen = string.sub(renewal, 23, 30) end
  parts.details = details
  if principal ~= '' then parts.principal = principal end
end
if grace ~= '' and number(grace, 57) > number(seen, 1) then
  seen = string.sub(grace, 57, 64) -- when the secret was replaced
end
local used = seen ~= string.sub(bytes, 5, 12)
parts.grace = grace
if grace ~= '' and flags < 2 then flags = flags + 2 end

local head = string.sub(bytes, 1, 1) .. string.sub(secret, 1, 1) .. persistence
  .. string.char(flags) .. seen .. next_version(bytes) .. string.sub(bytes, 21, 28) .. times
  .. string.sub(secret, 2)
bytes = join(head, parts)
local index, ttl
if renewal ~= '' then
  index = index_of(bytes, base)
  redis.call('EXISTS', index, record) -- fails unless both are on this server
  ttl = redis.call('PTTL', index)
end

publish(channel, 'changed', {sid})
redis.call('SET', record, bytes, 'KEEPTTL')
if index or used then collect(record, end_of(bytes)) end
if index then
  prolong(index, ttl, number(bytes, 41))
end
return {DONE, bytes}
