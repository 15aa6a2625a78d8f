// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/drstate/terraform-provider-dr/internal/route53"
)

var (
	zoneIDShape = regexp.MustCompile(`^[A-Z0-9]{1,32}$`)
	nameShape   = regexp.MustCompile(`^[^\s/]{1,255}$`)
)

func route53RecordSchema(ctx context.Context) schema.Schema {
	fixed := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	kept := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	word := []validator.String{stringvalidator.LengthAtLeast(1)}
	zone := []validator.String{isZoneID()}
	return schema.Schema{
		MarkdownDescription: "A Route 53 record whose answer follows `active`. Moving `active` changes the record in one batch, " +
			"together with all records of its zone that move in the same apply, and waits until Route 53 reports INSYNC. " +
			"It works with every routing policy, and is not only for Route 53's own failover routing.\n\n" +
			"Create adopts a record that serves one of `targets`; a record that serves anything else is left alone and reported. " +
			"A change made elsewhere is seen and repaired. Destroying the resource leaves the record as it is, unless `delete_on_destroy` is set.\n\n" +
			"The move needs Route 53's control plane, which is in us-east-1. While it does not answer, the apply says which record is " +
			"stuck, and the next one goes on. Where a failover must not depend on it, let Route 53's data plane decide instead: " +
			"two records with `failover_routing_policy` and a `health_check_id` that is fed from the standby region, or ARC routing controls.\n\n" +
			"IAM actions: `route53:ListResourceRecordSets`, `route53:ChangeResourceRecordSets` on `arn:aws:route53:::hostedzone/ID`, and `route53:GetChange` on `arn:aws:route53:::change/*`.",
		Attributes: map[string]schema.Attribute{
			"zone_id": schema.StringAttribute{
				MarkdownDescription: "Id of the hosted zone.", Required: true, PlanModifiers: fixed, Validators: zone,
			},
			"name": schema.StringAttribute{
				MarkdownDescription: "Full name of the record, such as `app.example.com`.", Required: true,
				PlanModifiers: []planmodifier.String{isAnotherName()},
				Validators:    []validator.String{stringvalidator.RegexMatches(nameShape, "must be a full name such as app.example.com")},
			},
			"type": schema.StringAttribute{
				MarkdownDescription: "Type of the record, such as `A`, `AAAA` or `CNAME`.", Required: true, PlanModifiers: fixed,
				Validators: []validator.String{stringvalidator.OneOf(route53.Types...)},
			},
			"ttl": schema.Int64Attribute{
				MarkdownDescription: "Time to live in seconds: how long resolvers keep the old answer after a move. Needed unless every target is an alias.",
				Optional:            true, Validators: []validator.Int64{int64validator.Between(0, 2147483647)},
			},
			"set_identifier": schema.StringAttribute{
				MarkdownDescription: "Tells records with the same name and type apart. Needed with a routing policy.",
				Optional:            true, PlanModifiers: fixed, Validators: []validator.String{stringvalidator.LengthBetween(1, 128)},
			},
			"weighted_routing_policy": schema.SingleNestedAttribute{
				MarkdownDescription: "Weighted routing.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"weight": schema.Int64Attribute{MarkdownDescription: "From 0 to 255.", Required: true, Validators: []validator.Int64{int64validator.Between(0, 255)}},
				},
			},
			"latency_routing_policy": schema.SingleNestedAttribute{
				MarkdownDescription: "Latency routing.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"region": schema.StringAttribute{MarkdownDescription: "Region whose latency counts.", Required: true, Validators: []validator.String{isRegion()}},
				},
			},
			"failover_routing_policy": schema.SingleNestedAttribute{
				MarkdownDescription: "Route 53's own failover routing.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"type": schema.StringAttribute{MarkdownDescription: "`PRIMARY` or `SECONDARY`.", Required: true, Validators: []validator.String{stringvalidator.OneOf("PRIMARY", "SECONDARY")}},
				},
			},
			"geolocation_routing_policy": schema.SingleNestedAttribute{
				MarkdownDescription: "Geolocation routing.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"continent":   schema.StringAttribute{MarkdownDescription: "Two-letter continent code.", Optional: true, Validators: word},
					"country":     schema.StringAttribute{MarkdownDescription: "Two-letter country code, or `*`.", Optional: true, Validators: word},
					"subdivision": schema.StringAttribute{MarkdownDescription: "Subdivision code.", Optional: true, Validators: word},
				},
			},
			"multivalue_answer_routing_policy": schema.BoolAttribute{MarkdownDescription: "Multivalue answer routing.", Optional: true},
			"health_check_id":                  schema.StringAttribute{MarkdownDescription: "Id of a Route 53 health check.", Optional: true, Validators: word},
			"targets":                          targetsAttribute("What the record can serve, by region (or any other name)."),
			"active": schema.StringAttribute{
				MarkdownDescription: "The key of `targets` to serve. Null after a read that found none of them being served.", Required: true,
			},
			"allow_overwrite": schema.BoolAttribute{
				MarkdownDescription: "Replace an existing record that serves none of `targets`. Default: false.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"delete_on_destroy": schema.BoolAttribute{
				MarkdownDescription: "Delete the record when the resource is destroyed, for tests. Default: false: the record stays.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"id":   schema.StringAttribute{MarkdownDescription: "Zone, name, type and set identifier, joined by underscores.", Computed: true, PlanModifiers: kept},
			"fqdn": schema.StringAttribute{MarkdownDescription: "Full name, without a trailing dot.", Computed: true, PlanModifiers: kept},
			"answer": schema.ListAttribute{
				MarkdownDescription: "What the record serves: its values in alphabetical order, or the alias's name.", Computed: true, ElementType: types.StringType,
			},
			"change_id": schema.StringAttribute{MarkdownDescription: "Id of the last change that this resource made.", Computed: true},
			"sync_status": schema.StringAttribute{
				MarkdownDescription: "`INSYNC` once Route 53 has confirmed the answer, or when the record was adopted as it should be; `unknown` when the answer was seen to change and nobody saw it confirmed: the next apply confirms it.",
				Computed:            true,
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create: true, CreateDescription: "How long a change on create may take, INSYNC included. Default: `10m`.",
				Read: true, ReadDescription: "How long to look at the record. Default: `2m`.",
				Update: true, UpdateDescription: "How long a change may take, INSYNC included. Default: `10m`.",
				Delete: true, DeleteDescription: "How long a deletion may take, where `delete_on_destroy` is set. Default: `10m`.",
			}),
		},
	}
}

func isZoneID() validator.String {
	return stringvalidator.RegexMatches(zoneIDShape, "must be a hosted zone's id such as Z0123456789ABCDEFGHIJ, without /hostedzone/")
}

// isAnotherName wants a replacement where the name is another one, and not only
// spelled otherwise.
func isAnotherName() planmodifier.String {
	return stringplanmodifier.RequiresReplaceIf(
		func(_ context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
			resp.RequiresReplace = req.PlanValue.IsUnknown() ||
				route53.CanonicalName(req.PlanValue.ValueString()) != route53.CanonicalName(req.StateValue.ValueString())
		}, "another name is another record; another spelling is not", "another name is another record; another spelling is not")
}

func targetsAttribute(description string) schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		MarkdownDescription: description,
		Required:            true,
		Validators:          []validator.Map{mapvalidator.SizeAtLeast(1)},
		NestedObject: schema.NestedAttributeObject{
			Attributes: map[string]schema.Attribute{
				"records": schema.SetAttribute{
					MarkdownDescription: "Values of the record.", Optional: true, ElementType: types.StringType,
					Validators: []validator.Set{setvalidator.SizeAtLeast(1)},
				},
				"alias": schema.SingleNestedAttribute{
					MarkdownDescription: "Another AWS resource to answer for, instead of `records`.", Optional: true,
					Attributes: map[string]schema.Attribute{
						"name":    schema.StringAttribute{MarkdownDescription: "DNS name of the resource.", Required: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)}},
						"zone_id": schema.StringAttribute{MarkdownDescription: "Hosted zone id of the resource.", Required: true, Validators: []validator.String{isZoneID()}},
						"evaluate_target_health": schema.BoolAttribute{
							MarkdownDescription: "Whether Route 53 watches the resource's health. Default: false.",
							Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
						},
					},
				},
			},
		},
	}
}
