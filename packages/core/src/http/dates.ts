const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const LONG_DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const IMF_FIXDATE = /^([A-Z][a-z]{2}), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/
const RFC_850 = /^([A-Z][a-z]{5,8}), (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/
const ASCTIME = /^([A-Z][a-z]{2}) ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/

/** Milliseconds of an instant cut to the whole second: all that an HTTP date can say. */
export function wholeSecondMs(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

const REMEMBERED = 1_024
const remembered = new Map<number, string>()

/** IMF-fixdate. Those of the last seconds asked for are remembered: hot objects are asked for again and again. */
export function formatHttpDate(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const known = remembered.get(seconds)
  if (known !== undefined) return known
  const text = new Date(ms).toUTCString()
  if (remembered.size >= REMEMBERED) remembered.clear()
  remembered.set(seconds, text)
  return text
}

/**
 * Reads an HTTP date in its three forms and nothing else: the day of the week must be right, the day must exist,
 * a leap second counts as the second after it. Two-digit years lie at most 50 years ahead of `nowMs`.
 * Answers milliseconds, or `undefined` for any other text.
 * @see RFC 9110 section 5.6.7
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  if (text.length < 24 || text.length > 33) return undefined
  const imf = IMF_FIXDATE.exec(text)
  if (imf !== null) {
    const [, dayName, day, month, year, hour, minute, second] = imf
    return instantOf(DAYS, dayName, Number(year), month, day, hour, minute, second)
  }
  const asctime = ASCTIME.exec(text)
  if (asctime !== null) {
    const [, dayName, month, day, hour, minute, second, year] = asctime
    return instantOf(DAYS, dayName, Number(year), month, day, hour, minute, second)
  }
  const old = RFC_850.exec(text)
  if (old === null) return undefined
  const [, dayName, day, month, year, hour, minute, second] = old
  const thisYear = new Date(nowMs).getUTCFullYear()
  let fullYear = Math.floor(thisYear / 100) * 100 + Number(year)
  // The century is the one that puts the date nearest, but never more than 50 years ahead.
  if (fullYear > thisYear + 50) fullYear -= 100
  else if (fullYear <= thisYear - 50) fullYear += 100
  return instantOf(LONG_DAYS, dayName, fullYear, month, day, hour, minute, second)
}

function instantOf(
  dayNames: readonly string[],
  dayName: string | undefined,
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  hourText: string | undefined,
  minuteText: string | undefined,
  secondText: string | undefined,
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? '')
  const [day, hour, minute, second] = [
    Number(dayText),
    Number(hourText),
    Number(minuteText),
    Number(secondText),
  ]
  if (month === -1 || hour > 23 || minute > 59 || second > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month, day) // Date.UTC would read years below 100 as 19xx
  if (date.getUTCDate() !== day) return undefined // the month has no such day
  if (dayNames[date.getUTCDay()] !== dayName) return undefined
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000
}
