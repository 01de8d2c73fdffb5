import { makeTrace } from './traces.mjs'

const KiB = 1_024
const MiB = 2 ** 20

/** Small fast generator (xorshift32): the same numbers everywhere. */
function createRandom(seed) {
  let state = seed >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Numbers 0 .. count-1, number n as often as 1 / (n + 1)^skew. */
function createZipf(random, count, skew) {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += (rank + 1) ** -skew
  return () => {
    const wanted = random() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Sizes of pictures: most around 30 KiB, a few of some MiB. */
function pictureSizes(random, count) {
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.min(64 * MiB, Math.max(200, Math.round(30 * KiB * Math.exp(1.5 * normal))))
  })
}

const zipf = (count) => (random) => {
  const objects = 20_000
  const next = createZipf(random, objects, 0.9)
  return { ids: Array.from({ length: count }, next), sizes: pictureSizes(random, objects) }
}

/** One loop after the other over the same objects: nothing comes back before all others did. */
const loop = (count) => (random) => {
  const objects = 4_000
  return {
    ids: Array.from({ length: count }, (_, index) => index % objects),
    sizes: pictureSizes(random, objects),
  }
}

/** Readers of popular objects, and now and then a program that reads 2,000 new ones in a row, each once. */
const scans = (count) => (random) => {
  const popular = 10_000
  const next = createZipf(random, popular, 0.9)
  const ids = []
  let fresh = popular
  while (ids.length < count) {
    for (let index = 0; index < 4_000; index++) ids.push(next())
    for (let index = 0; index < 2_000; index++) ids.push(fresh++)
  }
  return { ids, sizes: pictureSizes(random, fresh) }
}

/** What is popular changes completely every 15,000 requests. */
const drift = (count) => (random) => {
  const objects = 5_000
  const next = createZipf(random, objects, 0.9)
  const ids = Array.from({ length: count }, (_, index) => next() + Math.floor(index / 15_000) * objects)
  return { ids, sizes: pictureSizes(random, Math.ceil(count / 15_000) * objects) }
}

/** Objects that are asked for a few times soon after they came, and never again: made for LRU. */
const news = (count) => (random) => {
  const ids = []
  const recent = []
  let fresh = 0
  while (ids.length < count) {
    if (random() < 0.3 || recent.length === 0) {
      ids.push(fresh)
      recent.push(fresh++)
      continue
    }
    const age = Math.floor(random() ** 3 * Math.min(recent.length, 3_000))
    ids.push(recent[recent.length - 1 - age])
  }
  return { ids, sizes: pictureSizes(random, fresh) }
}

/** Popular small objects, and one of almost half of all bytes that somebody asks for every 100 requests. */
const huge = (count) => (random) => {
  const objects = 5_000
  const next = createZipf(random, objects, 0.8)
  const sizes = pictureSizes(random, objects)
  sizes.push(Math.round(sizes.reduce((sum, bytes) => sum + bytes, 0) * 0.8))
  return { ids: Array.from({ length: count }, (_, index) => (index % 100 === 99 ? objects : next())), sizes }
}

const KINDS = { zipf, loop, scans, drift, news, huge }

/** Made-up traces that no figure was tuned to; the same in every run. */
export function syntheticTraces(requestCount, seed = 1) {
  return Object.entries(KINDS).map(([name, make]) => {
    const { ids, sizes } = make(requestCount)(createRandom(seed * 7_919 + name.length))
    return inOrderOfAppearance(`synthetic ${name}`, ids, sizes)
  })
}

/** Drops objects that nobody asked for: the footprint is what was asked for. */
function inOrderOfAppearance(name, ids, sizes) {
  const numbers = new Map()
  const kept = []
  const renamed = ids.map((id) => {
    const known = numbers.get(id)
    if (known !== undefined) return known
    const number = kept.length
    numbers.set(id, number)
    kept.push(sizes[id])
    return number
  })
  return makeTrace(name, renamed, kept)
}
