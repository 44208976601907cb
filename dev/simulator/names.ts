export const givenNames =
  'Ann Benito Chidi Dana Émile Freya Geeta Hiro Inés Jaime Kwame Lena Marta Nils Olga Paulo Quinn Rosa Søren Tomás Uma Vera Wanda Xavier Yusuf Zoë Amelia Bruno Carmen Diego'.split(
    ' ',
  )
export const familyNames =
  "Birch Castillo Duarte Eriksen Fontaine Gallagher Hernández Ibarra Jensen Kowalski López Müller Núñez O'Brien Peña Quiroga Reyes Santos Tillou Ueda Vargas Whitman Xu Ybarra Zhang Ashe Brandt Cooper D'Angelo Ferreira".split(
    ' ',
  )
export const trades =
  'Landscaping|& Sons|Sporting Goods|Medical Supplies|Bakery|Bros. Painting|Catering|Diner|Book Store|Electric|Plumbing, Inc.|Garden Center|"Quick" Repairs|Logistics S.A.|Cafe ☕|Studio|Motors|Textiles|Farms|Pool & Spa'.split(
    '|',
  )
export const streets =
  'Elm Rd.|Finch St.|Ocean View Road|Twin Lane|Cypress Hill Ave.|Main St.|Court St.|Easy St.|Calle Duarte|Boise Ave|Avenida 27 de Febrero|Mission Blvd'.split(
    '|',
  )
export const cities = [
  ['Bayshore', 'CA', '94326', '37.4530553', '-122.1178261'],
  ['Middlefield', 'CA', '94482', '37.4031672', '-122.0642815'],
  ['Tucson', 'AZ', '85719', '32.2841116', '-110.9744298'],
  ['South Orange', 'NJ', '07079', '40.7489277', '-74.2609903'],
  ['Half Moon Bay', 'CA', '94213', 'INVALID', 'INVALID'],
] as const
export const adjectives =
  'Cedar Copper Deluxe Dwarf Eco Fine Garden Heavy Indoor Jumbo Large Mini Native Outdoor Premium Quick Red Small Tropical Universal'.split(
    ' ',
  )
export const goods =
  'Mulch Pump Sod Soil Fountain Rocks Sprinkler Hedge Lamp Fertilizer Trellis Paver Bench Planter Hose Timer Seeds Gravel Fence Pond'.split(
    ' ',
  )
export const works =
  'Trimming Design Installation Gardening Maintenance Refunds Hours Pest-Control Cleaning Consulting'.split(
    ' ',
  )
export const memos = [
  'Thank you for your business and have a great day!',
  'It\'s been a pleasure — don\'t forget to "rate" us ⭐️',
  'Pago a 30 días. ¡Gracias por su compra, señora Peña! 🎉',
  'Path C:\\temp\\orders\\new\nsecond line\r\n\tindented',
  'Ünïcödé 漢字 العربية עברית 👩‍👩‍👧‍👦',
  'Tags <b>bold</b> & entities &amp; 100% off; drop table "x";',
  'Separators:\u2028line\u2029paragraph\u00a0space',
]
