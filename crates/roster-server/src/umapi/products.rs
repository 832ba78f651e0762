//! Deprecated products and profiles, read (umapi.md 11.4).

use http::Method;
use roster_core::listing::ProductRow;
use roster_core::page::PastEnd;
use roster_core::value::{GroupId, OrgNo, ProductId};
use roster_store::{GroupList, Position, Reader, StoreError, UserList};
use roster_umapi::query::products::{ProductWithProfiles, write_product, write_profile};
use roster_umapi::request::DeprecatedError;

use super::deprecated::{Who, admins_of, people};
use super::lists::{Listed, UserShape, Wanted, Written};
use super::profile_writes;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::http::Call;
use crate::reply::Reply;
use crate::request::Payload;
use crate::walk::{Rows, Source};

/// `GET {org}/products`.
pub(crate) async fn page(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let size = call.app.config.page_size_deprecated;
    let wanted = Wanted::new(call.app, caller, call.query.page()?, size, PastEnd::NotFound);
    let (app, org) = (call.app.clone(), caller.org());
    let listed = call.app.read(move |reader| {
        let total = reader.count_products(org)?;
        let mut source = ProductSource {
            reader,
            org,
            rows: Written::expecting(total.min(size)),
        };
        let page = app
            .lists
            .products
            .serve(wanted.ask(&wanted.walker), &mut source)?;
        Ok(Ok(Listed::bare(source.rows, page, total)))
    });
    Ok(listed.await?.reply())
}

/// `GET {org}/products/{productId}`.
pub(crate) async fn single(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let (org, id) = (caller.org(), call.param("productId")?);
    let found = call
        .app
        .read(move |reader| Ok(find_product(reader, org, &id)?.map_err(ApiError::from)));
    Ok(Reply::ok(found.await?.body))
}

/// `GET …/configurations`: the product with all its profiles.
pub(crate) async fn profiles(call: Call<'_>, caller: &Caller) -> Result<Reply, ApiError> {
    let (org, org_id) = (caller.org(), caller.org_id().to_owned());
    let id = call.param("productId")?;
    let body = call.app.read(move |reader| {
        let mut known = None;
        let product =
            reader.product_by_public_id(org, &id, &mut |row| known = Some(OwnedProduct::of(row)))?;
        let (Some(product), Some(known)) = (product, known) else {
            return Ok(Err(DeprecatedError::ProductNotFound.into()));
        };
        let mut out = Vec::with_capacity(1024);
        let mut object = ProductWithProfiles::begin(&mut out, &known.row());
        let list = GroupList::ProfilesOf(product);
        reader.groups(org, list, Position::START, None, ALL, &mut |row| {
            object.profile(&org_id, row);
        })?;
        object.end();
        Ok(Ok(out))
    });
    Ok(Reply::ok(body.await?))
}

/// `…/configurations/{profileId}`: reading and changing.
pub(crate) async fn profile(call: Call<'_>, caller: &Caller, body: &mut Payload) -> Result<Reply, ApiError> {
    if call.method() == Method::POST {
        return profile_writes::profile(call, caller, body).await;
    }
    let asked = ProfilePath::of(call, caller)?;
    let found = call
        .app
        .read(move |reader| Ok(asked.find(reader)?.map_err(ApiError::from)));
    Ok(Reply::ok(found.await?.body))
}

/// `…/configurations/{profileId}/users` and `/admins`.
pub(crate) async fn members(call: Call<'_>, caller: &Caller, who: Who) -> Result<Reply, ApiError> {
    let size = call.app.config.page_size_deprecated;
    let wanted = Wanted::new(call.app, caller, call.query.page()?, size, PastEnd::NotFound);
    let (app, asked) = (call.app.clone(), ProfilePath::of(call, caller)?);
    let listed = call.app.read(move |reader| {
        let profile = match asked.find(reader)? {
            Ok(profile) => profile,
            Err(error) => return Ok(Err(error.into())),
        };
        let list = match who {
            Who::Users => Some(UserList::Profile {
                group: profile.id,
                licence: None,
            }),
            Who::Admins => admins_of(reader, asked.org, &profile.name)?.map(UserList::Group),
        };
        people(&app, reader, asked.org, list, &wanted, UserShape::OldProfile).map(Ok)
    });
    Ok(listed.await?.reply())
}

/// No limit: a product has as many profiles as somebody described by hand.
const ALL: u64 = 1 << 32;

/// A product's row, kept while its profiles are read.
struct OwnedProduct {
    id: String,
    code: String,
    name: String,
    members: i64,
    profiles: i64,
    quota: Option<i64>,
    active: i64,
}

impl OwnedProduct {
    fn of(row: &ProductRow<'_>) -> Self {
        Self {
            id: row.id.to_owned(),
            code: row.code.to_owned(),
            name: row.name.to_owned(),
            members: row.members,
            profiles: row.profiles,
            quota: row.quota,
            active: row.active,
        }
    }

    fn row(&self) -> ProductRow<'_> {
        ProductRow {
            id: &self.id,
            code: &self.code,
            name: &self.name,
            members: self.members,
            profiles: self.profiles,
            quota: self.quota,
            active: self.active,
        }
    }
}

/// A product that was found.
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
}

/// The product with an id as it stands in a path.
pub(crate) fn find_product(
    reader: &mut Reader<'_>,
    org: OrgNo,
    id: &str,
) -> Result<Result<Product, DeprecatedError>, StoreError> {
    let mut found = None;
    reader.product_by_public_id(org, id, &mut |row: &ProductRow<'_>| {
        let mut body = Vec::with_capacity(256);
        write_product(&mut body, row);
        found = Some(Product {
            name: row.name.to_owned(),
            body,
        });
    })?;
    Ok(found.ok_or(DeprecatedError::ProductNotFound))
}

/// A profile that was found.
pub(crate) struct Profile {
    pub(crate) id: GroupId,
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
}

/// Product and profile as they stand in a path.
#[derive(Debug)]
pub(crate) struct ProfilePath {
    org: OrgNo,
    org_id: String,
    product: String,
    profile: String,
}

impl std::fmt::Display for ProfilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "products/{}/configurations/{}", self.product, self.profile)
    }
}

impl ProfilePath {
    pub(crate) fn of(call: Call<'_>, caller: &Caller) -> Result<Self, ApiError> {
        Ok(Self {
            org: caller.org(),
            org_id: caller.org_id().to_owned(),
            product: call.param("productId")?,
            profile: call.param("id")?,
        })
    }

    pub(crate) fn find(
        &self,
        reader: &mut Reader<'_>,
    ) -> Result<Result<Profile, DeprecatedError>, StoreError> {
        let product: Option<ProductId> = reader.product_by_public_id(self.org, &self.product, &mut |_| {})?;
        let Some(product) = product else {
            return Ok(Err(DeprecatedError::ProductNotFound));
        };
        let mut found = None;
        reader.profile_by_public_id(self.org, product, &self.profile, &mut |row| {
            let mut body = Vec::with_capacity(256);
            write_profile(&mut body, &self.org_id, row);
            found = Some(Profile {
                id: row.id,
                name: row.label.name.to_owned(),
                body,
            });
        })?;
        Ok(found.ok_or(DeprecatedError::ProfileNotFound))
    }
}

struct ProductSource<'r, 'c> {
    reader: &'r mut Reader<'c>,
    org: OrgNo,
    rows: Written,
}

impl Source for ProductSource<'_, '_> {
    type Mark = Position;
    type Memory = ();
    type Error = StoreError;

    fn starts(&mut self, size: u64) -> Result<Vec<Position>, StoreError> {
        self.reader.product_page_starts(self.org, size)
    }

    fn read(
        &mut self,
        _: (u64, &()),
        from: Position,
        until: Option<Position>,
        limit: u64,
    ) -> Result<Rows<Position>, StoreError> {
        let rows = &mut self.rows;
        rows.clear();
        let read = self.reader.products(self.org, from, until, limit, &mut |row| {
            write_product(rows.next(), row);
        })?;
        Ok(Rows {
            count: read.count,
            next: read.next,
        })
    }

    fn any(&mut self, from: Position) -> Result<bool, StoreError> {
        self.reader.has_products(self.org, from)
    }

    fn turned(&mut self, (): &()) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn go_by(&mut self, (): &()) -> Result<(), StoreError> {
        Ok(())
    }

    fn clear(&mut self, _: (u64, &())) {
        self.rows.clear();
    }
}
