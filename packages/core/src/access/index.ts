export { type ReadClaim, readVerdict } from './read-verdict.ts'
