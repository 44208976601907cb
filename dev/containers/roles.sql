-- The two roles of the README: raw_owner makes the tables, raw_loader loads into them.
-- Run once by the image of Postgres, when its volume is new.
\set owner_password `cat /run/secrets/RAW_OWNER_PASSWORD`
\set loader_password `cat /run/secrets/RAW_LOADER_PASSWORD`
create role raw_owner login password :'owner_password';
create role raw_loader login password :'loader_password';
grant raw_owner to current_user;
grant connect, temporary on database warehouse to raw_owner, raw_loader;
create schema raw authorization raw_owner;
grant usage on schema raw to raw_loader;
alter default privileges for role raw_owner in schema raw
  grant select, insert, update on tables to raw_loader;
