//! Users and notes in SQLite.

use auth_session::{AuthError, AuthErrorKind, UserCheck};
use base64::prelude::{BASE64_STANDARD, Engine};
use examples::passwords::Passwords;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{Sqlite, SqlitePool};

const SCHEMA: &str = "
    create table if not exists users (name text primary key, password text not null,
        is_admin bool not null, is_active bool not null default true);
    create table if not exists notes (id integer primary key, text text not null,
        owner text not null references users on delete cascade)";

#[derive(Clone)]
pub(crate) struct Db {
    pool: SqlitePool,
    passwords: Passwords,
}

pub(crate) struct User {
    pub(crate) name: String,
    password: String,
    pub(crate) is_admin: bool,
    pub(crate) is_active: bool,
}

/// A row of the table `users`.
type Row = (String, String, bool, bool);

impl User {
    fn of((name, password, is_admin, is_active): Row) -> Self {
        Self { name, password, is_admin, is_active }
    }

    /// Changes with the password, and reveals nothing about it.
    pub(crate) fn auth_hash(&self) -> String {
        BASE64_STANDARD.encode(Sha256::digest(&self.password))
    }
}

/// The response of an error is 503, and the reason is logged.
type Answer<T> = Result<T, AuthError>;

fn failed(error: sqlx::Error) -> AuthError {
    AuthError::new(AuthErrorKind::Unavailable, error)
}

impl Db {
    pub(crate) async fn open(url: &str, passwords: Passwords) -> Result<Self, sqlx::Error> {
        let options: SqliteConnectOptions = url.parse()?;
        let options = options.create_if_missing(true).foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self { pool, passwords })
    }

    /// Runs a statement with these values. Returns whether it has changed anything.
    async fn run(&self, sql: &'static str, values: &[&str]) -> Answer<bool> {
        let query =
            values.iter().fold(sqlx::query::<Sqlite>(sql), |query, value| query.bind(*value));
        Ok(query.execute(&self.pool).await.map_err(failed)?.rows_affected() > 0)
    }

    /// Creates a user. Returns `false` if the name is taken.
    pub(crate) async fn create(&self, name: &str, password: &str, admin: bool) -> Answer<bool> {
        let (hash, admin) = (self.passwords.hash(password).await, if admin { "1" } else { "0" });
        let sql =
            "insert into users (name, password, is_admin) values (?, ?, ?) on conflict do nothing";
        self.run(sql, &[name, &hash, admin]).await
    }

    pub(crate) async fn user(&self, name: &str) -> Answer<Option<User>> {
        let user = sqlx::query_as::<_, Row>("select * from users where name = ?").bind(name);
        Ok(user.fetch_optional(&self.pool).await.map_err(failed)?.map(User::of))
    }

    pub(crate) async fn users(&self) -> Answer<Vec<User>> {
        let users = sqlx::query_as("select * from users order by name limit 1000");
        let users: Vec<Row> = users.fetch_all(&self.pool).await.map_err(failed)?;
        Ok(users.into_iter().map(User::of).collect())
    }

    /// Returns the user if the password is right and the user is active. Works as long if there is no such user.
    pub(crate) async fn verify(&self, name: &str, password: &str) -> Answer<Option<User>> {
        let user = self.user(name).await?;
        let hash = user.as_ref().map(|user| user.password.clone());
        let matches = self.passwords.verify(hash, password).await;
        Ok(user.filter(|user| matches && user.is_active))
    }

    /// Returns whether a sign-in may continue: its user is active and has the same password.
    pub(crate) async fn is_current(&self, sign_in: &UserCheck) -> Answer<bool> {
        let user = self.user(&sign_in.subject).await?.filter(|user| user.is_active);
        Ok(user.is_some_and(|user| sign_in.auth_hash.as_deref() == Some(&*user.auth_hash())))
    }

    pub(crate) async fn set_password(&self, name: &str, password: &str) -> Answer<bool> {
        let hash = self.passwords.hash(password).await;
        self.run("update users set password = ? where name = ?", &[&hash, name]).await
    }

    pub(crate) async fn disable(&self, name: &str) -> Answer<bool> {
        self.run("update users set is_active = false where name = ?", &[name]).await
    }

    pub(crate) async fn delete(&self, name: &str) -> Answer<bool> {
        self.run("delete from users where name = ?", &[name]).await
    }

    pub(crate) async fn notes(&self, owner: &str) -> Answer<Vec<String>> {
        let sql = "select text from notes where owner = ? order by id desc limit 100";
        sqlx::query_scalar(sql).bind(owner).fetch_all(&self.pool).await.map_err(failed)
    }

    pub(crate) async fn add_note(&self, owner: &str, text: &str) -> Answer<bool> {
        self.run("insert into notes (owner, text) values (?, ?)", &[owner, text]).await
    }
}
