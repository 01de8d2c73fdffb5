import type { CameraFacts, MediaFacts, MediaPosition } from '../contracts/media.ts'
import { isObject, isText } from './json.ts'

type Check = (value: unknown) => boolean

const isNumber: Check = (value) => typeof value === 'number'

/** Whether an object has these members alone, each of its kind; any may be absent. */
function has<Facts>(checks: Readonly<Record<keyof Facts, Check>>): Check {
  const members = new Map<string, Check>(Object.entries(checks))
  return (value) =>
    isObject(value) && Object.entries(value).every(([name, member]) => members.get(name)?.(member) === true)
}

const isCamera = has<CameraFacts>({
  make: isText,
  model: isText,
  lens: isText,
  exposureSeconds: isNumber,
  fNumber: isNumber,
  iso: isNumber,
  focalLengthMm: isNumber,
})

const isPosition: Check = (value) =>
  has<MediaPosition>({ latitude: isNumber, longitude: isNumber })(value) &&
  Object.keys(value ?? {}).length === 2

const areFacts = has<MediaFacts>({
  width: isNumber,
  height: isNumber,
  orientation: isNumber,
  durationMs: isNumber,
  captureTime: isText,
  camera: isCamera,
  position: isPosition,
})

/** Whether a value that JSON gave is what a record keeps of its bytes. */
export function isFacts(value: unknown): value is MediaFacts {
  return areFacts(value)
}
