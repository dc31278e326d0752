// The one method by which users change their own passwords; the edge tells each call's method.
export const ownPasswordMethod = "iam.v1.IamAccountService/ChangePassword";
