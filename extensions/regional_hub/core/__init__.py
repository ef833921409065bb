"""What every platform stands on: people and groups, permissions, the audit log, invitations, notices, sign-on."""
