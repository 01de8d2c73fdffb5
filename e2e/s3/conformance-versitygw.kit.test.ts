import { describeOnServer } from './conformance.ts'

await describeOnServer('versitygw')
