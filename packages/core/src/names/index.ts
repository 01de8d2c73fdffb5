export { cleanFilename, extensionOf } from './filename.ts'
