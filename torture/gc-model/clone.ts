/** A copy of data that refers to itself in circles: objects, arrays, maps and sets. Bytes are shared. */
export function cloneData<Data>(data: Data): Data {
  const copies = new Map<object, object>()
  // The copy has the shape of what was copied, which no signature can say of each step.
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
    const known = copies.get(value)
    if (known !== undefined) return known
    if (Array.isArray(value)) {
      const made: unknown[] = []
      copies.set(value, made)
      for (const item of value) made.push(copy(item))
      return made
    }
    if (value instanceof Map) {
      const made = new Map<unknown, unknown>()
      copies.set(value, made)
      for (const [key, item] of value) made.set(copy(key), copy(item))
      return made
    }
    if (value instanceof Set) {
      const made = new Set<unknown>()
      copies.set(value, made)
      for (const item of value) made.add(copy(item))
      return made
    }
    if (Object.getPrototypeOf(value) !== Object.prototype)
      throw new TypeError('only plain data can be copied: the rows of the catalog hold something else')
    const made: Record<string, unknown> = {}
    copies.set(value, made)
    for (const [name, item] of Object.entries(value)) made[name] = copy(item)
    return made
  }
  return copy(data) as Data
}
