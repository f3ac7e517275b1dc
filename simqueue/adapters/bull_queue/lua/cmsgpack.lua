-- MessagePack decoding in plain Lua 5.1, for the embedded queue.
--
-- BullMQ's scripts read their arguments with cmsgpack.unpack, which Redis has built in and the
-- embedded server has not. Format: https://github.com/msgpack/msgpack/blob/master/spec.md
-- Numbers are Lua's doubles, as in Redis: integers beyond 2^53 lose their last digits.

local cmsgpack = {}

-- Big-endian unsigned integer of n bytes at position i of s, and the position after it.
local function unsigned(s, i, n)
  if i + n - 1 > #s then error("Missing bytes in input.") end
  local value = 0
  for k = i, i + n - 1 do
    value = value * 256 + s:byte(k)
  end
  return value, i + n
end

local function signed(s, i, n)
  local value, after = unsigned(s, i, n)
  if s:byte(i) >= 128 then
    -- From the complement, not from value - 2^(8n): near zero that would lose digits.
    local complement = 0
    for k = i, i + n - 1 do
      complement = complement * 256 + (255 - s:byte(k))
    end
    value = -complement - 1
  end
  return value, after
end

-- IEEE 754: a sign, an exponent of so many bits, a fraction of so many bits.
local function float(s, i, n, exponent_bits, fraction_bits)
  local _, after = unsigned(s, i, n)
  local sign = s:byte(i) >= 128 and -1 or 1
  -- The first two bytes hold sign and exponent; what is left of them begins the fraction.
  local head = (s:byte(i) % 128) * 256 + s:byte(i + 1)
  local spare = 15 - exponent_bits
  local exponent = math.floor(head / 2 ^ spare)
  local fraction = head % 2 ^ spare
  for k = i + 2, i + n - 1 do
    fraction = fraction * 256 + s:byte(k)
  end
  fraction = fraction / 2 ^ fraction_bits
  local largest = 2 ^ exponent_bits - 1
  local bias = 2 ^ (exponent_bits - 1) - 1
  if exponent == largest then
    if fraction == 0 then return sign * math.huge, after end
    return 0 / 0, after
  elseif exponent == 0 then
    return sign * math.ldexp(fraction, 1 - bias), after
  end
  return sign * math.ldexp(1 + fraction, exponent - bias), after
end

local function text(s, i, n)
  if i + n - 1 > #s then error("Missing bytes in input.") end
  return s:sub(i, i + n - 1), i + n
end

local decode

local function array(s, i, n)
  local result = {}
  for k = 1, n do
    result[k], i = decode(s, i)
  end
  return result, i
end

local function map(s, i, n)
  local result = {}
  for _ = 1, n do
    local key, value
    key, i = decode(s, i)
    value, i = decode(s, i)
    if key ~= nil then result[key] = value end
  end
  return result, i
end

-- What follows a length of so many bytes.
local function sized(read, length_bytes)
  return function(s, i)
    local n, after = unsigned(s, i, length_bytes)
    return read(s, after, n)
  end
end

local function number(read, ...)
  local arguments = { ... }
  return function(s, i)
    return read(s, i, arguments[1], arguments[2], arguments[3])
  end
end

local readers = {
  [0xc0] = function(_, i) return nil, i end,
  [0xc2] = function(_, i) return false, i end,
  [0xc3] = function(_, i) return true, i end,
  [0xc4] = sized(text, 1),
  [0xc5] = sized(text, 2),
  [0xc6] = sized(text, 4),
  [0xca] = number(float, 4, 8, 23),
  [0xcb] = number(float, 8, 11, 52),
  [0xcc] = number(unsigned, 1),
  [0xcd] = number(unsigned, 2),
  [0xce] = number(unsigned, 4),
  [0xcf] = number(unsigned, 8),
  [0xd0] = number(signed, 1),
  [0xd1] = number(signed, 2),
  [0xd2] = number(signed, 4),
  [0xd3] = number(signed, 8),
  [0xd9] = sized(text, 1),
  [0xda] = sized(text, 2),
  [0xdb] = sized(text, 4),
  [0xdc] = sized(array, 2),
  [0xdd] = sized(array, 4),
  [0xde] = sized(map, 2),
  [0xdf] = sized(map, 4),
}

-- The value at position i of s, and the position after it.
decode = function(s, i)
  local first
  first, i = unsigned(s, i, 1)
  if first < 0x80 then return first, i end
  if first < 0x90 then return map(s, i, first - 0x80) end
  if first < 0xa0 then return array(s, i, first - 0x90) end
  if first < 0xc0 then return text(s, i, first - 0xa0) end
  if first >= 0xe0 then return first - 256, i end
  local read = readers[first]
  if not read then error("Bad data format in input.") end
  return read(s, i)
end

-- All values that s holds, one after the other.
function cmsgpack.unpack(s)
  local values, count, i = {}, 0, 1
  while i <= #s do
    count = count + 1
    values[count], i = decode(s, i)
  end
  return unpack(values, 1, count)
end

return cmsgpack
