export { isUnprintable } from './characters.ts'
export { cleanFilename, extensionOf } from './filename.ts'
export { parseLinkQuery, parseLinks, parseLinksField, parseLinkTarget, parseTargets } from './links.ts'
export { parseKeyPath, parseMediaKey } from './media-key.ts'
export { parseMetadata, parseMetadataField } from './metadata.ts'
export { parseTags, parseTagsField } from './tags.ts'
export {
  checkVolumeLayout,
  formatVolumeMarker,
  parseVolumeMarker,
  VOLUME_MARKER,
  VOLUME_MARKER_MAX_BYTES,
} from './volume-marker.ts'
