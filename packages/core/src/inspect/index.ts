export {
  createInspector,
  type InspectInput,
  type Inspector,
  type InspectorOptions,
} from './inspector.ts'
export type { InspectReason } from './refusals.ts'
