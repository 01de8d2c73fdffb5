import type { CameraFacts, MediaFacts, MediaPosition } from '../../contracts/media.ts'
import { captureTimeOf } from '../capture-time.ts'
import { type Directories, type Directory, openDirectories, type ReadAt } from './directory.ts'
import { type Pixels, upright } from './pixels.ts'

/** What an image says of how it was taken. */
export interface Exif extends Pick<MediaFacts, 'captureTime' | 'camera' | 'position'> {
  /** 1 to 8. */
  readonly orientation?: number
}

/* Of the first directory. */
const MAKE = 0x010f
const MODEL = 0x0110
const ORIENTATION = 0x0112
const CAMERA_DIRECTORY = 0x8769
const POSITION_DIRECTORY = 0x8825
/* Of the camera's. */
const EXPOSURE_TIME = 0x829a
const F_NUMBER = 0x829d
const ISO = 0x8827
const TIME_TAKEN = 0x9003
const TIME_DIGITISED = 0x9004
const OFFSET_TAKEN = 0x9011
const OFFSET_DIGITISED = 0x9012
const FOCAL_LENGTH = 0x920a
const LENS = 0xa434
/* Of the position's. */
const LATITUDE_REF = 1
const LATITUDE = 2
const LONGITUDE_REF = 3
const LONGITUDE = 4

const IMAGE_TAGS = new Set([MAKE, MODEL, ORIENTATION, CAMERA_DIRECTORY, POSITION_DIRECTORY])
const CAMERA_TAGS = new Set([
  ...[EXPOSURE_TIME, F_NUMBER, ISO, FOCAL_LENGTH, LENS],
  ...[TIME_TAKEN, TIME_DIGITISED, OFFSET_TAKEN, OFFSET_DIGITISED],
])
const POSITION_TAGS = new Set([LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE])

/**
 * EXIF that begins with its byte order. Reads three directories and a dozen values of them, whatever they say, so it ends after
 * 25 small reads. What is broken is absent. Throws only what `read` throws.
 */
export async function readExif(read: ReadAt): Promise<Exif> {
  const directories = await openDirectories(read)
  const image = await directories?.read(directories.first, IMAGE_TAGS)
  if (directories === undefined || image === undefined) return {}
  const orientation = await directories.number(image.entries.get(ORIENTATION))
  const camera = await child(directories, image, CAMERA_DIRECTORY, CAMERA_TAGS)
  const place = await child(directories, image, POSITION_DIRECTORY, POSITION_TAGS)
  const captureTime = camera === undefined ? undefined : await timeOf(directories, camera)
  const cameraFacts = await cameraOf(directories, image, camera)
  const position = place === undefined ? undefined : await positionOf(directories, place)
  return {
    ...(orientation !== undefined && orientation >= 1 && orientation <= 8 ? { orientation } : {}),
    ...(captureTime === undefined ? {} : { captureTime }),
    ...(cameraFacts === undefined ? {} : { camera: cameraFacts }),
    ...(position === undefined ? {} : { position }),
  }
}

/** Of a block in memory; a mark that it has in JPEG is stepped over. */
export async function readExifBlock(block: Buffer): Promise<Exif> {
  const bytes = block.toString('latin1', 0, 6) === 'Exif\0\0' ? block.subarray(6) : block
  return await readExif((at, length) => bytes.subarray(at, at + length))
}

/** The same behind a number that says where in it the byte order stands, as boxes of images hold it. @see ISO/IEC 23008-12, annex A */
export async function readBoxedExif(bytes: Buffer): Promise<Exif> {
  return bytes.length < 4 ? {} : await readExifBlock(bytes.subarray(4 + bytes.readUInt32BE(0)))
}

/** The facts of an image of these stored pixels. */
export function imageFacts(stored: Pixels, { orientation, ...taken }: Exif): MediaFacts {
  const isTurned = orientation !== undefined && orientation >= 2 && orientation <= 8
  return { ...upright(stored, orientation), ...(isTurned ? { orientation } : {}), ...taken }
}

async function child(
  directories: Directories,
  { entries }: Directory,
  tag: number,
  wanted: ReadonlySet<number>,
): Promise<Directory | undefined> {
  const at = await directories.number(entries.get(tag))
  return at === undefined ? undefined : await directories.read(at, wanted)
}

async function timeOf(directories: Directories, { entries }: Directory): Promise<string | undefined> {
  const of = async (time: number, offset: number): Promise<string | undefined> =>
    captureTimeOf(await directories.text(entries.get(time)), await directories.text(entries.get(offset)))
  return (await of(TIME_TAKEN, OFFSET_TAKEN)) ?? (await of(TIME_DIGITISED, OFFSET_DIGITISED))
}

async function cameraOf(
  directories: Directories,
  image: Directory,
  camera: Directory | undefined,
): Promise<CameraFacts | undefined> {
  const make = await directories.text(image.entries.get(MAKE))
  const model = await directories.text(image.entries.get(MODEL))
  const lens = await directories.text(camera?.entries.get(LENS))
  const ratio = async (tag: number, most: number): Promise<number | undefined> => {
    const value = (await directories.ratios(camera?.entries.get(tag), 1))[0]
    return value !== undefined && value > 0 && value <= most ? Number(value.toPrecision(6)) : undefined
  }
  const exposureSeconds = await ratio(EXPOSURE_TIME, 86_400)
  const fNumber = await ratio(F_NUMBER, 1_000)
  const focalLengthMm = await ratio(FOCAL_LENGTH, 100_000)
  const iso = await directories.number(camera?.entries.get(ISO))
  const known: CameraFacts = {
    ...(make === undefined ? {} : { make }),
    ...(model === undefined ? {} : { model }),
    ...(lens === undefined ? {} : { lens }),
    ...(exposureSeconds === undefined ? {} : { exposureSeconds }),
    ...(fNumber === undefined ? {} : { fNumber }),
    // 65,535 is what does not fit.
    ...(iso === undefined || iso === 0 || iso === 65_535 ? {} : { iso }),
    ...(focalLengthMm === undefined ? {} : { focalLengthMm }),
  }
  return Object.keys(known).length === 0 ? undefined : known
}

async function positionOf(
  directories: Directories,
  { entries }: Directory,
): Promise<MediaPosition | undefined> {
  const angle = async (
    tag: number,
    refTag: number,
    signs: string,
    most: number,
  ): Promise<number | undefined> => {
    const ref = await directories.text(entries.get(refTag))
    const [degrees, minutes, seconds] = await directories.ratios(entries.get(tag), 3)
    if (degrees === undefined || minutes === undefined || seconds === undefined) return undefined
    if (ref === undefined || ref.length !== 1 || !signs.includes(ref)) return undefined
    const value = degrees + minutes / 60 + seconds / 3600
    if (!(value >= 0 && value <= most)) return undefined
    // Six digits are 11 cm; `+ 0` because a place on the equator is not at minus zero.
    return Number((ref === signs[1] ? -value : value).toFixed(6)) + 0
  }
  const latitude = await angle(LATITUDE, LATITUDE_REF, 'NS', 90)
  const longitude = await angle(LONGITUDE, LONGITUDE_REF, 'EW', 180)
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude }
}
