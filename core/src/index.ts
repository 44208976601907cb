export { type About, formatAbout, formatSettingsTable } from './about.ts'
export {
  type Catalog,
  type CatalogStream,
  deselectedProperties,
  isStreamSelected,
  type Metadata,
  type MetadataEntry,
  metadataAt,
  readCatalog,
} from './catalog.ts'
export { type Check, describeCheck, readCheck, tellCheck } from './checks.ts'
export {
  CONFIG_FLAG,
  type Command,
  type Flag,
  type Flags,
  flagValues,
  type Program,
  readVersion,
  runCli,
} from './cli.ts'
export { alignColumns, formatCount, formatDuration } from './columns.ts'
export {
  formatGiven,
  type ReadSettingsOptions,
  readSettings,
  type Setting,
  type SettingsSchema,
} from './config.ts'
export {
  ClosedOutputError,
  ConfigError,
  describeError,
  EXIT,
  oneLine,
  ProtocolError,
  SingerError,
  type SingerErrorOptions,
  StopError,
  showControls,
  showValue,
} from './errors.ts'
export {
  type FileLock,
  type FileLockOptions,
  type FileLockRefusal,
  findLockHolder,
  lockFile,
} from './filelock.ts'
export {
  makeDirectory,
  type ReservedFile,
  removeLeftovers,
  reserveFile,
  writeFileAtomic,
} from './files.ts'
export {
  arrayElements,
  lastMember,
  type Member,
  objectMembers,
  type Span,
  withMembers,
  withoutMembers,
} from './json.ts'
export { type Line, type ReaderOptions, readLines } from './lines.ts'
export { type Lock, lock, tryLock } from './lock.ts'
export {
  createLog,
  LOG_SETTINGS,
  type Log,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type Metric,
} from './log.ts'
export { exitCode, type Life, runMain } from './main.ts'
export {
  formatActivateVersion,
  formatRecord,
  formatSchema,
  formatState,
  type JsonSchema,
  type RecordFrame,
  type RecordOptions,
  recordFrame,
  type SchemaMessage,
} from './messages.ts'
export {
  formatProgressBlock,
  formatProgressLine,
  formatRough,
  type Progress,
  readProgress,
  type StreamProgress,
} from './progress.ts'
export {
  type OpenedRecord,
  openRecord,
  type ReadActivateVersion,
  type ReadBatch,
  type ReadMessage,
  type ReadSchema,
  type ReadState,
  readMessages,
} from './reader.ts'
export type { ReadRecord, RecordBytes } from './record.ts'
export { type ScannedObject, scanObject } from './scan.ts'
export { createScreen, type Room, type Screen } from './screen.ts'
export { readState, type State } from './state.ts'
export { readText } from './textfile.ts'
export { tellProgress, watchProgress } from './watch.ts'
export { windowStateFile } from './windowstate.ts'
export { createWriter, type Writer } from './writer.ts'
