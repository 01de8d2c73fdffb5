import type sharp from 'sharp'
import type { MediaFacts } from '../contracts/media.ts'
import type { InspectLimits } from './limits.ts'
import { invalid } from './refusals.ts'

type Sharp = typeof sharp

/** Formats that every build of sharp reads, so that what it does not read is broken. */
const FORMATS = new Map([
  ['image/jpeg', 'jpeg'],
  ['image/png', 'png'],
  ['image/webp', 'webp'],
  ['image/gif', 'gif'],
])
/** Larger bodies are judged by their structure alone. */
const MAX_BYTES = 8_388_608

let loading: Promise<Sharp | undefined> | undefined

/** sharp, where the host has it. */
function loadSharp(): Promise<Sharp | undefined> {
  loading ??= import('sharp').then(
    (module) => module.default,
    () => undefined, // not there, or not for this machine: our own look stands alone
  )
  return loading
}

/** Whether sharp is asked about such a body. */
export async function hasSecondOpinion(contentType: string, sizeBytes: number): Promise<boolean> {
  return FORMATS.has(contentType) && sizeBytes <= MAX_BYTES && (await loadSharp()) !== undefined
}

/**
 * What sharp reads of the header, held against what we read: two readers that differ have met an image made to be read in two
 * ways. Nothing is decoded. sharp works on threads of its own, which nobody can end; so it runs here and not in ours, which
 * would wait for it. Its settings are those of the whole process: none is touched.
 * @throws MediaError MEDIA_INVALID `invalid-image`
 */
export async function askSharp(
  bytes: Uint8Array,
  contentType: string,
  facts: MediaFacts,
  limits: InspectLimits,
): Promise<void> {
  const load = await loadSharp()
  if (load === undefined) return
  let told: { readonly format: string | undefined; readonly width: number; readonly height: number }
  try {
    const limitInputPixels = Number.isFinite(limits.maxPixels) ? limits.maxPixels : false
    told = await load(bytes, { failOn: 'error', limitInputPixels }).metadata()
  } catch (cause) {
    throw invalid('invalid-image', 'a decoder cannot read the image', cause)
  }
  const isSame =
    told.format === FORMATS.get(contentType) &&
    Math.min(told.width, told.height) === Math.min(facts.width ?? 0, facts.height ?? 0) &&
    Math.max(told.width, told.height) === Math.max(facts.width ?? 0, facts.height ?? 0)
  if (!isSame) throw invalid('invalid-image', 'two readers of the image differ in what it is')
}
