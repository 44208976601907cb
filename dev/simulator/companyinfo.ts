import { pacificSeconds } from './pacific.ts'

/** The company's own record, as `/companyinfo/{realm}` shows it in 2026. */
export function companyInfoText(from: number): string {
  const start = pacificSeconds(from)
  const address =
    '{"Id":"1","Line1":"12 Harbour St.","City":"Bayshore","Country":"USA",' +
    '"CountrySubDivisionCode":"CA","PostalCode":"94326"}'
  return (
    `{"CompanyName":"Simulated Books & Co.","LegalName":"Simulated Books & Co.",` +
    `"CompanyAddr":${address},"CustomerCommunicationAddr":${address},"LegalAddr":${address},` +
    `"PrimaryPhone":{"FreeFormNumber":"(415) 555-0100"},"CompanyStartDate":"${start.slice(0, 10)}",` +
    `"FiscalYearStartMonth":"January","Country":"US","Email":{"Address":"books@example.com"},` +
    `"WebAddr":{},"SupportedLanguages":"en","NameValue":[{"Name":"OfferingSku","Value":` +
    `"QuickBooks Online Plus"}],"domain":"QBO","sparse":false,"Id":"1","SyncToken":"4",` +
    `"MetaData":{"CreateTime":"${start}","LastUpdatedTime":"${start}"}}`
  )
}
