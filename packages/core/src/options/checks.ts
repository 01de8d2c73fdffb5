/** What is wrong with a value, one line each; none for a value that is absent. */
export type Check = (about: string, value: unknown) => readonly string[]

/** The compiler sees to it that no member of the type is forgotten, and none is there that it does not have. */
export type ChecksOf<T> = { readonly [K in keyof Required<T>]: Check }

/** Whatever it is, somebody else looks at it. */
export const anything: Check = () => []

/** A value that passes, or one line that says what it has to be. */
export function valueThat(passes: (value: unknown) => boolean, must: string): Check {
  return (about, value) => (value === undefined || passes(value) ? [] : [`${about} ${must}`])
}

export function oneOf(...words: readonly (string | number | boolean)[]): Check {
  return valueThat(
    (value) => words.some((word) => word === value),
    `must be one of ${words.map((word) => JSON.stringify(word)).join(', ')}`,
  )
}

/** NaN is below every bound: a limit that is no number would hold nothing back. */
export function numberFrom(least: number, most: number = Number.POSITIVE_INFINITY): Check {
  return valueThat(
    (value) => typeof value === 'number' && value >= least && value <= most,
    `must be a number of at least ${least}${Number.isFinite(most) ? ` and at most ${most}` : ''}`,
  )
}

export const isFunction: Check = valueThat((value) => typeof value === 'function', 'must be a function')

export function listOf(check: Check): Check {
  return (about, value) => {
    if (value === undefined) return []
    if (!Array.isArray(value)) return [`${about} must be a list`]
    return value.flatMap((item: unknown, at) => check(`${about}[${at}]`, item))
  }
}

/** An object of these members and no others: a name that is misspelt would be a setting that does nothing. */
export function membersOf<T>(checks: ChecksOf<T>): Check {
  const known: Readonly<Record<string, Check>> = checks
  return (about, value) => {
    if (value === undefined) return []
    if (typeof value !== 'object' || value === null) return [`${about} must be an object`]
    return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
      const place = about === '' ? name : `${about}.${name}`
      return Object.hasOwn(known, name)
        ? (known[name] as Check)(place, member)
        : [`${place} is unknown; known are ${Object.keys(known).join(', ')}`]
    })
  }
}

/** Its words, or else an object. */
export function wordsOr(words: Check, object: Check): Check {
  return (about, value) => (typeof value === 'string' ? words(about, value) : object(about, value))
}

/** `false`, which switches a part off, or else the object that sets it. */
export function falseOr(object: Check): Check {
  const isEither = valueThat(
    (value) => value === false || (typeof value === 'object' && value !== null),
    'must be an object, or false',
  )
  return (about, value) =>
    typeof value === 'object' && value !== null ? object(about, value) : isEither(about, value)
}
