// Texts in Terraform's JSON are templates: what would begin one is doubled.
export const literally = (text: string): string => text.replace(/[$%](?=\{)/g, "$&$&");
