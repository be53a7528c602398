import type { TestApp } from './app.ts'

/** An administrator who has passed a second factor, and the token that says so. */
export const signInAdministrator = async (
  postern: TestApp,
): Promise<{ accountId: string; bearer: string }> => {
  const account = await postern.createAccount({ roles: ['admin'] })
  const { access_token: bearer } = await postern.signIn(account, await postern.enrollTotp(account))
  return { accountId: account.id, bearer }
}
