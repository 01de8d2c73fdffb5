import type { MediaFacts } from '../contracts/media.ts'
import { lookAtGzip, lookAtOpaqueArchive } from './archives/packed.ts'
import { lookAtTar } from './archives/tar.ts'
import { lookAtZip } from './archives/zip.ts'
import { isArchive, lookAtOther, lookAtPdf, lookAtPlaylist } from './document.ts'
import { lookAtBmp } from './images/bmp.ts'
import { lookAtGif } from './images/gif.ts'
import { lookAtHeif } from './images/heif.ts'
import { lookAtIcns } from './images/icns.ts'
import { lookAtIco } from './images/ico.ts'
import { lookAtJpeg } from './images/jpeg.ts'
import { lookAtJpeg2000 } from './images/jpeg2000.ts'
import { lookAtJxl } from './images/jxl.ts'
import { lookAtPng } from './images/png.ts'
import { lookAtPsd } from './images/psd.ts'
import { lookAtCr3, lookAtRaf, lookAtRaw } from './images/raw.ts'
import { lookAtTiff } from './images/tiff.ts'
import { lookAtBpg, lookAtFlif, lookAtJpegLs, lookAtJpegXr, lookAtKtx, lookAtXcf } from './images/uncommon.ts'
import { lookAtWebp } from './images/webp.ts'
import type { Inspection, Look } from './inspection.ts'
import type { InspectLimits } from './limits.ts'
import { lookAtHtml, lookAtSvg, lookAtXml } from './markup/markup.ts'
import { lookAtAvi, lookAtWav } from './riff.ts'
import { lookAtFlac, lookAtOgg } from './sound/flac-ogg.ts'
import { lookAtMp3 } from './sound/mp3.ts'
import { lookAtMatroska } from './video/matroska.ts'
import { lookAtMp4 } from './video/mp4.ts'
import { checkNoZip } from './zip-end.ts'

const LOOKS: ReadonlyMap<string, Look> = new Map<string, Look>(
  (
    [
      [lookAtPng, 'image/png'],
      [lookAtJpeg, 'image/jpeg'],
      [lookAtGif, 'image/gif'],
      [lookAtWebp, 'image/webp'],
      [lookAtTiff, 'image/tiff'],
      [
        lookAtRaw,
        'image/x-canon-cr2',
        'image/x-nikon-nef',
        'image/x-sony-arw',
        'image/x-adobe-dng',
        'image/x-olympus-orf',
        'image/x-panasonic-rw2',
      ],
      [lookAtRaf, 'image/x-fujifilm-raf'],
      [lookAtCr3, 'image/x-canon-cr3'],
      [lookAtJxl, 'image/jxl'],
      [lookAtPsd, 'image/vnd.adobe.photoshop'],
      [lookAtBmp, 'image/bmp'],
      [lookAtIco, 'image/x-icon', 'image/vnd.microsoft.icon'],
      [
        lookAtHeif,
        'image/avif',
        'image/avif-sequence',
        'image/heic',
        'image/heif',
        'image/heic-sequence',
        'image/heif-sequence',
      ],
      [lookAtJpeg2000, 'image/jp2', 'image/jpx', 'image/jpm', 'image/j2c'],
      [lookAtIcns, 'image/icns'],
      [lookAtJpegLs, 'image/jls'],
      [lookAtJpegXr, 'image/vnd.ms-photo'],
      [lookAtXcf, 'image/x-xcf'],
      [lookAtKtx, 'image/ktx'],
      [lookAtFlif, 'image/flif'],
      [lookAtBpg, 'image/bpg'],
      [lookAtSvg, 'image/svg+xml'],
      [
        lookAtMp4,
        'video/mp4',
        'audio/mp4',
        'video/quicktime',
        'video/3gpp',
        'video/3gpp2',
        'audio/3gpp',
        'application/mp4',
        'image/mj2',
      ],
      [lookAtMatroska, 'video/webm', 'audio/webm', 'video/x-matroska', 'audio/x-matroska'],
      [lookAtAvi, 'video/x-msvideo'],
      [lookAtWav, 'audio/wav'],
      [lookAtMp3, 'audio/mpeg'],
      [lookAtFlac, 'audio/flac'],
      [lookAtOgg, 'audio/ogg', 'video/ogg', 'application/ogg', 'audio/opus'],
      [lookAtHtml, 'text/html', 'application/xhtml+xml'],
      [lookAtXml, 'application/xml', 'text/xml'],
      [lookAtPdf, 'application/pdf'],
      [lookAtZip, 'application/zip'],
      [lookAtTar, 'application/x-tar'],
      [lookAtGzip, 'application/gzip'],
      [
        lookAtOpaqueArchive,
        ...[
          'application/x-7z-compressed',
          'application/x-rar-compressed',
          'application/vnd.rar',
          'application/x-xz',
        ],
        ...[
          'application/x-bzip2',
          'application/zstd',
          'application/x-lzip',
          'application/x-compress',
          'application/x-lz4',
        ],
        ...[
          'application/vnd.ms-cab-compressed',
          'application/x-unix-archive',
          'application/x-ace-compressed',
        ],
        ...[
          'application/x-arj',
          'application/x-lzh-compressed',
          'application/x-cpio',
          'application/x-iso9660-image',
        ],
      ],
      [
        lookAtPlaylist,
        'application/vnd.apple.mpegurl',
        'audio/x-mpegurl',
        'application/dash+xml',
        'application/sdp',
      ],
    ] satisfies (readonly [Look, ...string[]])[]
  ).flatMap(([oneLook, ...types]: readonly [Look, ...string[]]) =>
    types.map((type): [string, Look] => [type, oneLook]),
  ),
)

/** Whether anybody looks into bodies of this type; with `head`, into one that begins so. */
export function isLookedAt(contentType: string, head?: Uint8Array): boolean {
  const found = lookFor(contentType)
  if (found === lookAtOther && head !== undefined) return isArchive(head)
  return found !== undefined || isOneThing(contentType)
}

/** The look that fits the verified type. @throws MediaError MEDIA_INVALID or MEDIA_TYPE_REFUSED */
export async function look(inspection: Inspection): Promise<MediaFacts> {
  const { contentType, limits, window } = inspection
  // Pictures, films and sounds are one thing. Archives, and documents made of them, are told by their own looks.
  if (isOneThing(contentType) && limits.trailingData !== 'allow') await checkNoZip(window)
  return keptFacts((await lookFor(contentType)?.(inspection)) ?? {}, limits.facts)
}

/** The one gate that all facts pass: whatever a look learned, the record tells what the policy keeps. */
function keptFacts(facts: MediaFacts, kept: InspectLimits['facts']): MediaFacts {
  if (kept === 'position') return facts
  const { position: _position, ...withCamera } = facts
  if (kept === 'camera') return withCamera
  const { captureTime: _time, camera: _camera, ...size } = withCamera
  return size
}

const isOneThing = (contentType: string): boolean =>
  /^(?:image|video|audio)\//.test(contentType) && contentType !== 'image/svg+xml'

function lookFor(contentType: string): Look | undefined {
  const known = LOOKS.get(contentType)
  if (known !== undefined) return known
  if (contentType.endsWith('+xml')) return lookAtXml
  return contentType.startsWith('application/') ? lookAtOther : undefined
}
